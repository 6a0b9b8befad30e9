"""Reads a table by pyiceberg, which shares no code with the sink: prints its rows and properties as JSON."""
import json
import sys

from pyiceberg.table import StaticTable

metadata, endpoint = sys.argv[1:3]
table = StaticTable.from_metadata(
    metadata,
    {
        "s3.endpoint": endpoint,
        "s3.access-key-id": "test",
        "s3.secret-access-key": "test",
        "s3.region": "us-east-1",
    },
)
print(json.dumps({"rows": table.scan().to_arrow().to_pylist(), "properties": table.properties}))
