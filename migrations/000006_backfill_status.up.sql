-- migrate: repeat-until-zero pause=20ms
-- Gives every row that is older than the column its status, a thousand at a time. Each batch is committed by itself, so
-- no row is locked for longer than a batch takes, vacuum keeps up, and a run that is killed loses one batch at most.
--
-- A version has been active since it was published; since when one is deprecated nobody has written down, and its last
-- change is the nearest date there is. updated_at stays: for a mirror nothing has changed.
--
-- Rows that somebody else has locked are passed over: a batch that waited for one row would make the writers of all its
-- other rows wait for as long. Only when nothing else is left does a batch wait, for one row and holding no other. It
-- must not pass over that one as well, or it would change nothing and so count as the end. Whoever writes to such a row
-- meanwhile has its status filled in by the trigger, and it is looked at again before it is changed here.
--
-- Every batch reads the table from its beginning. For a hundred times as many rows, walk along the primary key instead.

WITH free AS MATERIALIZED (
  SELECT server_name, version FROM server_version WHERE status IS NULL LIMIT 1000 FOR NO KEY UPDATE SKIP LOCKED
), held AS MATERIALIZED (
  SELECT server_name, version FROM server_version WHERE status IS NULL AND NOT EXISTS (SELECT FROM free)
   LIMIT 1 FOR NO KEY UPDATE
)
UPDATE server_version AS v
   SET status = CASE WHEN v.deprecated THEN 'deprecated' ELSE 'active' END::server_status,
       status_changed_at = CASE WHEN v.deprecated THEN v.updated_at ELSE v.published_at END
  FROM (TABLE free UNION ALL TABLE held) AS batch
 WHERE v.server_name = batch.server_name AND v.version = batch.version;
