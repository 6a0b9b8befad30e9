import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';

const change = ['dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:ConditionCheckItem'];
const look = ['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:Query'];
/** Look at endpoints, deliveries and attempts; put a test, put up a delivery, switch an endpoint. */
const pageActions = ['BatchGetItem', 'Query', 'PutItem', 'UpdateItem'].map((action) => `dynamodb:${action}`);

/** Permissions on endpoints and deliveries. */
export class WebhookTableGrants {
  /** @internal */
  constructor(private readonly table: ITable) {}

  /** For the intake: read endpoints, and put events and deliveries. It never deletes. */
  public takeEvents(grantee: IGrantable): Grant {
    return this.grant(grantee, [...look, ...change]);
  }

  /** For workers: what is due, and what became of it. They never delete. */
  public send(grantee: IGrantable): Grant {
    return this.grant(grantee, [...look, ...change], `${this.table.tableArn}/index/due`);
  }

  /** For the page of the tenants: what it shows and does, and no more. It never deletes. */
  public show(grantee: IGrantable): Grant {
    return this.grant(grantee, pageActions);
  }

  /**
   * For whoever runs `WebhookRegistry`: pages of your own and the command line. It sees secrets and payloads of all
   * tenants.
   */
  public operate(grantee: IGrantable): Grant {
    return this.grant(grantee, [...look, ...change, 'dynamodb:DeleteItem']);
  }

  private grant(grantee: IGrantable, actions: string[], ...more: string[]): Grant {
    this.table.encryptionKey?.grantEncryptDecrypt(grantee);
    // Not `table.grant`, which adds every index as well.
    return Grant.addToPrincipal({ grantee, actions, resourceArns: [this.table.tableArn, ...more] });
  }
}
