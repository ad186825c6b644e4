import { IncomingMessage, ServerResponse } from "node:http";
import type { Express } from "express";

/** Kinds of messages for a server of node:http. */
export interface Messages {
  readonly IncomingMessage: typeof IncomingMessage;
  readonly ServerResponse: typeof ServerResponse<InstanceType<typeof IncomingMessage>>;
}

/**
 * Requests and responses that are from the start what the app would make of them. Express gives each message of node:http
 * another prototype, and an object that had two is slower wherever it is used; giving it the one that it has costs nothing.
 */
export function messagesOf(app: Express): Messages {
  class OwnRequest extends IncomingMessage {}
  class OwnResponse extends ServerResponse {}
  app.request = Object.setPrototypeOf(OwnRequest.prototype, app.request) as typeof app.request;
  app.response = Object.setPrototypeOf(OwnResponse.prototype, app.response) as typeof app.response;
  return { IncomingMessage: OwnRequest, ServerResponse: OwnResponse };
}
