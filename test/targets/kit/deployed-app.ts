import { App, CfnOutput, Stack } from 'aws-cdk-lib';
import { Queue } from 'aws-cdk-lib/aws-sqs';

/** One queue, named by the context. Without a name the app fails. */
const app = new App();
const queueName: unknown = app.node.tryGetContext('queueName');
if (typeof queueName !== 'string') throw new Error('the app needs a queueName');
const stack = new Stack(app, 'Deployed', { env: { account: '000000000000', region: 'us-east-1' } });
new CfnOutput(stack, 'QueueUrl', { value: new Queue(stack, 'Queue', { queueName }).queueUrl });
