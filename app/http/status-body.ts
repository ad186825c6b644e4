import * as z from "zod";
import { AppError } from "../errors.ts";
import type { StatusChange } from "../registry/change-status.ts";
import { isStatusMessage, longestStatusMessage, serverStatuses } from "../registry/server-status.ts";
import { parseJson } from "../registry/validation/validate-server.ts";
import type { Complaint } from "./problem.ts";

const statusBody = z.looseObject(
  {
    status: z.enum(serverStatuses, `must be one of ${serverStatuses.join(", ")}`),
    statusMessage: z
      .string("must be a string")
      .refine(isStatusMessage, `must be at most ${longestStatusMessage} characters long, without NUL`)
      .nullish(),
  },
  "must be an object",
);

/**
 * The change that the body of a PATCH asks for.
 *
 * @throws AppError `invalid-request` when it is not JSON, `unprocessable` with every complaint
 */
export function parseStatusBody(text: string): StatusChange {
  const result = statusBody.safeParse(parseJson(text));
  if (result.success) return { status: result.data.status, message: result.data.statusMessage ?? undefined };
  const errors = result.error.issues.map(({ path, message }): Complaint => {
    const place = ["body", ...path].join(".");
    return { message: `${path.join(".") || "the body"} ${message}`, location: place };
  });
  const detail = `${errors.map(({ message }) => message).join("; ")}.`;
  throw new AppError("unprocessable", detail, { details: { errors } });
}
