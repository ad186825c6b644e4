export { findFreePort } from "../../../scripts/embedded-postgres/free-port.ts";
