import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;

/**
 * Copies every record of a topic to another one with Kafka Streams, processing.guarantee=exactly_once_v2, and prints
 * how many more are committed whenever it finds that out: every few milliseconds.
 *
 * Arguments: servers, group, input, output, records.
 */
public final class StreamsCopy {
  private static final long POLL_MS = 20;

  public static void main(String[] args) throws Exception {
    String servers = args[0];
    String group = args[1];
    long records = Long.parseLong(args[4]);

    Properties settings = new Properties();
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, group);
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, servers);
    settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    settings.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
    settings.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
    settings.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");

    StreamsBuilder builder = new StreamsBuilder();
    builder.stream(args[2]).to(args[3]);
    KafkaStreams streams = new KafkaStreams(builder.build(), settings);
    streams.setUncaughtExceptionHandler(
        error -> {
          error.printStackTrace();
          Runtime.getRuntime().halt(1);
          throw new IllegalStateException(error);
        });
    streams.start();

    try (Admin admin = Admin.create(Map.of("bootstrap.servers", (Object) servers))) {
      for (long done = 0; done < records; Thread.sleep(POLL_MS)) {
        long now = committed(admin, group);
        if (now > done) {
          System.out.println("{\"time\":" + System.nanoTime() / 1e6 + ",\"messages\":" + (now - done) + "}");
          done = now;
        }
      }
    }
    Runtime.getRuntime().halt(0);
  }

  private static long committed(Admin admin, String group) throws Exception {
    Map<TopicPartition, OffsetAndMetadata> offsets =
        admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
    return offsets.values().stream().mapToLong(OffsetAndMetadata::offset).sum();
  }
}
