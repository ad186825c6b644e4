import { nodesIn, wordsOf } from "./parse-tree.ts";

/** Whether every function that is named in a tree is one of PostgreSQL's that compute. */
export function callsOnlyBuiltIn(tree: unknown): boolean {
  for (const [name, node] of nodesIn(tree)) {
    if (name !== "FuncCall") continue;
    const words = wordsOf(node["funcname"]);
    if (!harmless.has(words.at(-1) ?? "") || (words.length > 1 && words[0] !== "pg_catalog")) return false;
  }
  return true;
}

/** Functions of PostgreSQL that compute, or that move a sequence. Others keep lock_timeout, which harms nobody. */
const harmless: ReadonlySet<string> = new Set(
  `abs age array_agg array_append array_cat array_dims array_length array_lower array_position array_positions array_prepend
  array_remove array_replace array_to_json array_to_string array_upper ascii avg bit_and bit_length bit_or bool_and bool_or btrim
  cardinality cbrt ceil ceiling char_length character_length chr clock_timestamp concat concat_ws convert_from convert_to count
  cume_dist current_database current_schema current_setting currval date date_bin date_part date_trunc decode degrees dense_rank
  div encode enum_first enum_last enum_range every exp extract first_value floor format gen_random_uuid generate_series
  generate_subscripts get_bit get_byte hashtext host initcap isfinite json_agg json_array_elements json_array_elements_text
  json_array_length json_build_array json_build_object json_each json_each_text json_extract_path json_extract_path_text json_object
  json_object_agg json_object_keys json_populate_record json_strip_nulls json_to_record json_to_recordset json_typeof jsonb_agg
  jsonb_array_elements jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object jsonb_each jsonb_each_text
  jsonb_extract_path jsonb_extract_path_text jsonb_insert jsonb_object jsonb_object_agg jsonb_object_keys jsonb_path_exists
  jsonb_path_match jsonb_path_query jsonb_path_query_array jsonb_path_query_first jsonb_populate_record jsonb_pretty jsonb_set
  jsonb_set_lax jsonb_strip_nulls jsonb_to_record jsonb_to_recordset jsonb_typeof justify_days justify_hours justify_interval lag
  last_value lastval lead left length ln log lower lower_inc lpad ltrim make_date make_interval make_time make_timestamp
  make_timestamptz max md5 min mod mode nextval normalize now nth_value ntile num_nonnulls num_nulls octet_length overlaps overlay
  parse_ident percent_rank percentile_cont percentile_disc pi position power quote_ident quote_literal quote_nullable radians random
  range_merge rank regexp_count regexp_instr regexp_like regexp_match regexp_matches regexp_replace regexp_split_to_array
  regexp_split_to_table regexp_substr repeat replace reverse right round row_number row_to_json rpad rtrim scale set_bit set_byte
  setval sha224 sha256 sha384 sha512 sign split_part sqrt starts_with statement_timestamp stddev string_agg string_to_array
  string_to_table strpos substr substring sum timeofday timezone to_ascii to_char to_date to_hex to_json to_jsonb to_number
  to_timestamp to_tsquery to_tsvector transaction_timestamp translate trim trim_array trunc unnest upper upper_inc uuidv4 uuidv7 var_pop
  var_samp variance width_bucket xmlagg`.split(/\s+/),
);
