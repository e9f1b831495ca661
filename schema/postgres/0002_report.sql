-- Views for reports: names and columns stay, whatever becomes of the tables;
-- columns are only ever added, at the end. Times are UTC in ISO 8601, sizes in
-- bytes, yes and no are 1 and 0. Views whose name ends in _detail show
-- people's own words; grant them apart. docs/reporting.md tells of each, and
-- schema/sqlite has the same ones.

-- Bytes of a device as text; what is no UTF-8 (or holds a NUL, which text
-- cannot) comes with its odd bytes written out, as \ooo.
CREATE FUNCTION report_text(b bytea) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  RETURN convert_from(b, 'UTF8');
EXCEPTION WHEN character_not_in_repertoire OR untranslatable_character THEN
  RETURN encode(b, 'escape');
END
$$;

-- Milliseconds since 1970 as a time and as a day, UTC.
CREATE FUNCTION report_time(ms bigint) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT to_char(to_timestamp(ms / 1000) AT TIME ZONE 'UTC',
    'YYYY-MM-DD"T"HH24:MI:SS"Z"')
$$;

CREATE FUNCTION report_day(ms bigint) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT to_char(to_timestamp(ms / 1000) AT TIME ZONE 'UTC', 'YYYY-MM-DD')
$$;

CREATE VIEW report_accounts AS
SELECT
  report_text(a."user") AS account,
  a.disabled AS disabled,
  a.zone AS zone,
  report_time(a.created_ms) AS created,
  a.used_items AS items,
  a.used_bytes AS bytes,
  a.quota_items AS quota_items,
  a.quota_bytes AS quota_bytes,
  (SELECT count(*) FROM device d
   WHERE d.account_id = a.account_id) AS devices
FROM account a;

CREATE VIEW report_devices AS
SELECT
  report_text(a."user") AS account,
  report_text(d.dev_id) AS device,
  report_text(d.man) AS manufacturer,
  report_text(d.mod) AS model,
  report_text(d.swv) AS software,
  d.disabled AS disabled,
  report_time(d.first_ms) AS first_seen,
  report_time(d.last_ms) AS last_seen,
  (SELECT report_time(max(l.last_ok_ms))
   FROM link l
   WHERE l.account_id = d.account_id AND l.device_id = d.device_id
     AND l.last_ok_ms > 0) AS last_good_sync
FROM device d JOIN account a ON a.account_id = d.account_id;

CREATE VIEW report_devices_detail AS
SELECT
  report_text(a."user") AS account,
  report_text(d.dev_id) AS device,
  d.label AS label,
  d.last_addr AS address
FROM device d JOIN account a ON a.account_id = d.account_id;

-- Devices that may sync and did not do so well for 30 days.
CREATE VIEW report_stale_devices AS
SELECT
  t.account AS account,
  t.device AS device,
  report_time(t.last_ms) AS last_seen,
  report_time(t.ok_ms) AS last_good_sync,
  t.silent_ms / 86400000 AS silent_days
FROM (
  SELECT
    report_text(a."user") AS account,
    report_text(d.dev_id) AS device,
    d.last_ms AS last_ms,
    (SELECT max(l.last_ok_ms)
     FROM link l
     WHERE l.account_id = d.account_id AND l.device_id = d.device_id
       AND l.last_ok_ms > 0) AS ok_ms,
    CAST(floor(extract(epoch FROM now())) * 1000 AS bigint)
      - coalesce((SELECT max(l.last_ok_ms)
     FROM link l
     WHERE l.account_id = d.account_id AND l.device_id = d.device_id
       AND l.last_ok_ms > 0), d.first_ms) AS silent_ms
  FROM device d JOIN account a ON a.account_id = d.account_id
  WHERE d.disabled = 0 AND a.disabled = 0
) t
WHERE t.silent_ms >= 2592000000;

CREATE VIEW report_sessions AS
SELECT
  report_text(a."user") AS account,
  s.session_id AS session,
  report_text(d.dev_id) AS device,
  report_time(s.started_ms) AS started,
  report_time(s.last_ms) AS last_message,
  (s.last_ms - s.started_ms) / 1000 AS seconds,
  s.last_msgid AS messages,
  s.peer AS address,
  CASE WHEN s.closed = 0 THEN 'open' WHEN s.failed <> 0 THEN 'failed'
    ELSE 'ok' END AS state,
  s.verdict AS verdict
FROM session s
JOIN account a ON a.account_id = s.account_id
LEFT JOIN device d
  ON d.account_id = s.account_id AND d.device_id = s.device_id;

CREATE VIEW report_sessions_detail AS
SELECT
  report_text(a."user") AS account,
  t.session_id AS session,
  t.line AS line,
  report_time(t.at_ms) AS at,
  CASE t.who WHEN '>' THEN 'device' WHEN '<' THEN 'server' ELSE 'decision'
    END AS who,
  t.text AS text
FROM story t JOIN account a ON a.account_id = t.account_id;

CREATE VIEW report_session_stores AS
SELECT
  report_text(a."user") AS account,
  p.session_id AS session,
  report_text(d.dev_id) AS device,
  c.name AS collection,
  report_time(p.started_ms) AS started,
  report_time(p.last_ms) AS last_message,
  CASE p.asked WHEN 200 THEN 'two-way' WHEN 206 THEN 'two-way'
    WHEN 201 THEN 'slow' WHEN 202 THEN 'one-way-from-client'
    WHEN 207 THEN 'one-way-from-client' WHEN 203 THEN 'refresh-from-client'
    WHEN 208 THEN 'refresh-from-client' WHEN 204 THEN 'one-way-from-server'
    WHEN 209 THEN 'one-way-from-server' WHEN 205 THEN 'refresh-from-server'
    WHEN 210 THEN 'refresh-from-server' WHEN 225 THEN 'resume'
    ELSE 'other' END AS asked,
  CASE p.done WHEN 200 THEN 'two-way' WHEN 206 THEN 'two-way'
    WHEN 201 THEN 'slow' WHEN 202 THEN 'one-way-from-client'
    WHEN 207 THEN 'one-way-from-client' WHEN 203 THEN 'refresh-from-client'
    WHEN 208 THEN 'refresh-from-client' WHEN 204 THEN 'one-way-from-server'
    WHEN 209 THEN 'one-way-from-server' WHEN 205 THEN 'refresh-from-server'
    WHEN 210 THEN 'refresh-from-server' WHEN 225 THEN 'resume'
    ELSE 'other' END AS done,
  p.first AS first,
  p.forced AS forced,
  p.why AS why,
  p.resumed AS resumed,
  p.refused AS refused,
  p.complete AS complete,
  p.in_added AS in_added,
  p.in_replaced AS in_replaced,
  p.in_deleted AS in_deleted,
  p.in_failed AS in_failed,
  p.out_added AS out_added,
  p.out_replaced AS out_replaced,
  p.out_deleted AS out_deleted,
  p.out_failed AS out_failed,
  p.matched AS matched,
  p.conflicts AS conflicts,
  p.held_back AS held_back
FROM session_store p
JOIN account a ON a.account_id = p.account_id
LEFT JOIN session s
  ON s.account_id = p.account_id AND s.session_id = p.session_id
LEFT JOIN device d
  ON d.account_id = s.account_id AND d.device_id = s.device_id
LEFT JOIN collection c
  ON c.account_id = p.account_id AND c.collection_id = p.collection_id;

-- Sessions that ended badly.
CREATE VIEW report_failures AS
SELECT
  t.day AS day,
  t.account AS account,
  t.device AS device,
  t.reason AS reason,
  count(*) AS sessions,
  max(t.last_message) AS last
FROM (
  SELECT
    report_day(s.started_ms) AS day,
    report_text(a."user") AS account,
    report_text(d.dev_id) AS device,
    CASE WHEN s.verdict = '' OR s.verdict LIKE 'open%'
      THEN 'the device did not come back' ELSE s.verdict END AS reason,
    report_time(s.last_ms)
      AS last_message
  FROM session s
  JOIN account a ON a.account_id = s.account_id
  LEFT JOIN device d
    ON d.account_id = s.account_id AND d.device_id = s.device_id
  WHERE s.closed = 1 AND s.failed <> 0
) t
GROUP BY t.day, t.account, t.device, t.reason;

-- again: slow syncs of what had been in sync. A storm is a day with at least
-- ten of them, and more than every fifth sync.
CREATE VIEW report_slow_syncs AS
SELECT
  t.day AS day,
  t.syncs AS syncs,
  t.slow AS slow,
  t.first AS first,
  t.forced AS forced,
  t.again AS again,
  CASE WHEN t.again >= 10 AND t.again * 5 > t.syncs THEN 1 ELSE 0 END AS storm
FROM (
  SELECT
    report_day(p.started_ms) AS day,
    count(*) AS syncs,
    CAST(sum(CASE WHEN p.done = 201 THEN 1 ELSE 0 END) AS BIGINT) AS slow,
    CAST(sum(CASE WHEN p.done = 201 AND p.first = 1 THEN 1
      ELSE 0 END) AS BIGINT) AS first,
    CAST(sum(CASE WHEN p.done = 201 AND p.forced = 1 AND p.first = 0 THEN 1
      ELSE 0 END) AS BIGINT) AS forced,
    CAST(sum(CASE WHEN p.done = 201 AND p.first = 0 THEN 1
      ELSE 0 END) AS BIGINT) AS again
  FROM session_store p
  GROUP BY 1
) t;

CREATE VIEW report_items AS
SELECT
  report_text(a."user") AS account,
  c.name AS collection,
  i.item_id AS item,
  CASE i.kind WHEN 1 THEN 'contact' WHEN 2 THEN 'event' WHEN 4 THEN 'task'
    WHEN 8 THEN 'note' WHEN 16 THEN 'mail' ELSE 'other' END AS kind,
  i.deleted AS deleted,
  i.revision AS revision,
  i.size AS size,
  report_time(i.created_ms) AS created,
  report_time(i.modified_ms) AS modified
FROM item i
JOIN account a ON a.account_id = i.account_id
LEFT JOIN collection c
  ON c.account_id = i.account_id AND c.collection_id = i.collection_id;

CREATE VIEW report_items_detail AS
SELECT
  report_text(a."user") AS account,
  c.name AS collection,
  i.item_id AS item,
  i.revision AS revision,
  report_text(i.uid) AS uid,
  report_text(r.body) AS body
FROM item i
JOIN account a ON a.account_id = i.account_id
JOIN revision r ON r.account_id = i.account_id AND r.item_id = i.item_id
  AND r.revision = i.revision
LEFT JOIN collection c
  ON c.account_id = i.account_id AND c.collection_id = i.collection_id
WHERE i.deleted = 0;

-- What the retained revisions say of a day; bytes: written, history counted.
CREATE VIEW report_growth AS
SELECT
  report_day(r.at_ms) AS day,
  report_text(a."user") AS account,
  c.name AS collection,
  CAST(sum(CASE WHEN r.revision = 1 THEN 1 ELSE 0 END) AS BIGINT) AS added,
  CAST(sum(CASE WHEN r.revision > 1 AND r.deleted = 0 AND r.side = 0 THEN 1
    ELSE 0 END) AS BIGINT) AS changed,
  CAST(sum(CASE WHEN r.deleted = 1 THEN 1 ELSE 0 END) AS BIGINT) AS deleted,
  CAST(sum(length(r.body)) AS BIGINT) AS bytes
FROM revision r
JOIN account a ON a.account_id = r.account_id
LEFT JOIN item i ON i.account_id = r.account_id AND i.item_id = r.item_id
LEFT JOIN collection c
  ON c.account_id = i.account_id AND c.collection_id = i.collection_id
GROUP BY 1, 2, 3;

CREATE VIEW report_changes AS
SELECT
  report_text(a."user") AS account,
  c.name AS collection,
  r.item_id AS item,
  r.revision AS revision,
  report_time(r.at_ms) AS at,
  CASE WHEN r.side = 1 THEN 'kept aside' WHEN r.deleted = 1 THEN 'deleted'
    ELSE 'written' END AS what,
  CASE r.origin WHEN 1 THEN 'device' WHEN 2 THEN 'merge' WHEN 3 THEN 'import'
    WHEN 4 THEN 'administrator' WHEN 5 THEN 'restore' WHEN 6 THEN 'alarm'
    WHEN 7 THEN 'mailbox'
    ELSE 'other' END AS origin,
  report_text(d.dev_id) AS device,
  nullif(r.session_id, 0) AS session,
  length(r.body) AS size
FROM revision r
JOIN account a ON a.account_id = r.account_id
LEFT JOIN item i ON i.account_id = r.account_id AND i.item_id = r.item_id
LEFT JOIN collection c
  ON c.account_id = i.account_id AND c.collection_id = i.collection_id
LEFT JOIN device d
  ON d.account_id = r.account_id AND d.device_id = r.device_id;

-- revision: the item's before the conflict. winner edit: against a delete.
CREATE VIEW report_conflicts AS
SELECT
  report_text(a."user") AS account,
  report_time(v.at_ms) AS at,
  v.session_id AS session,
  report_text(d.dev_id) AS device,
  c.name AS collection,
  v.item_id AS item,
  v.revision AS revision,
  CASE v.how WHEN 5 THEN 'device' WHEN 6 THEN 'server' WHEN 7 THEN 'each'
    WHEN 8 THEN 'both' WHEN 9 THEN 'edit' ELSE 'other' END AS winner
FROM session_event v
JOIN account a ON a.account_id = v.account_id
LEFT JOIN session s
  ON s.account_id = v.account_id AND s.session_id = v.session_id
LEFT JOIN device d
  ON d.account_id = s.account_id AND d.device_id = s.device_id
LEFT JOIN item i
  ON i.account_id = v.account_id AND i.item_id = v.item_id
LEFT JOIN collection c
  ON c.account_id = i.account_id AND c.collection_id = i.collection_id
WHERE v.kind = 2;

-- Items that a device sent as new and that were here.
CREATE VIEW report_matches AS
SELECT
  report_text(a."user") AS account,
  report_time(v.at_ms) AS at,
  v.session_id AS session,
  report_text(d.dev_id) AS device,
  c.name AS collection,
  v.item_id AS item,
  v.revision AS revision,
  CASE v.how WHEN 1 THEN 'id' WHEN 2 THEN 'uid' WHEN 3 THEN 'content'
    WHEN 4 THEN 'resemblance' ELSE 'other' END AS matched_by
FROM session_event v
JOIN account a ON a.account_id = v.account_id
LEFT JOIN session s
  ON s.account_id = v.account_id AND s.session_id = v.session_id
LEFT JOIN device d
  ON d.account_id = s.account_id AND d.device_id = s.device_id
LEFT JOIN item i
  ON i.account_id = v.account_id AND i.item_id = v.item_id
LEFT JOIN collection c
  ON c.account_id = i.account_id AND c.collection_id = i.collection_id
WHERE v.kind = 1;

-- Deletes that the brake held back. open: the item is still here and the
-- device is still without it.
CREATE VIEW report_holds AS
SELECT
  report_text(a."user") AS account,
  report_time(v.at_ms) AS at,
  v.session_id AS session,
  report_text(d.dev_id) AS device,
  c.name AS collection,
  v.item_id AS item,
  v.revision AS revision,
  CASE WHEN v.how <> 0 OR i.item_id IS NULL OR i.deleted = 1 OR EXISTS (SELECT 1
      FROM link l JOIN map m ON m.account_id = l.account_id
        AND m.link_id = l.link_id AND m.gen = l.gen
      WHERE l.account_id = v.account_id AND l.link_id = v.link_id
        AND m.item_id = v.item_id AND m.state = 1)
    THEN 0 ELSE 1 END AS open,
  CASE v.how WHEN 10 THEN 'allowed' WHEN 11 THEN 'refused' END AS decided
FROM session_event v
JOIN account a ON a.account_id = v.account_id
LEFT JOIN session s
  ON s.account_id = v.account_id AND s.session_id = v.session_id
LEFT JOIN device d
  ON d.account_id = s.account_id AND d.device_id = s.device_id
LEFT JOIN item i
  ON i.account_id = v.account_id AND i.item_id = v.item_id
LEFT JOIN collection c
  ON c.account_id = i.account_id AND c.collection_id = i.collection_id
WHERE v.kind = 3;

CREATE VIEW report_talkers AS
SELECT
  t.day AS day,
  t.account AS account,
  t.device AS device,
  count(*) AS sessions,
  CAST(sum(t.messages) AS BIGINT) AS messages,
  CAST(sum(t.received) AS BIGINT) AS received,
  CAST(sum(t.sent) AS BIGINT) AS sent
FROM (
  SELECT
    report_day(s.started_ms) AS day,
    report_text(a."user") AS account,
    report_text(d.dev_id) AS device,
    s.last_msgid AS messages,
    (SELECT coalesce(sum(p.in_added + p.in_replaced + p.in_deleted), 0)
     FROM session_store p
     WHERE p.account_id = s.account_id AND p.session_id = s.session_id)
      AS received,
    (SELECT coalesce(sum(p.out_added + p.out_replaced + p.out_deleted), 0)
     FROM session_store p
     WHERE p.account_id = s.account_id AND p.session_id = s.session_id)
      AS sent
  FROM session s
  JOIN account a ON a.account_id = s.account_id
  LEFT JOIN device d
    ON d.account_id = s.account_id AND d.device_id = s.device_id
) t
GROUP BY t.day, t.account, t.device;

-- account NULL: the name is no account's. held: not looked at, since too many
-- wrong ones came before it.
CREATE VIEW report_authentication AS
SELECT
  report_day(n.day * 86400000)
    AS day,
  report_text(a."user") AS account,
  n.net AS network,
  CASE n.what WHEN 1 THEN 'right' WHEN 2 THEN 'wrong' ELSE 'held' END
    AS what,
  n.n AS logins,
  report_time(n.last_ms) AS last
FROM auth_day n
LEFT JOIN account a ON a.account_id = n.account_id;

CREATE VIEW report_nodes AS
SELECT
  o.node_id AS node,
  o.name AS name,
  o.version AS version,
  o.schema_no AS schema,
  report_time(o.started_ms) AS started,
  report_time(o.last_ms) AS last_seen,
  o.stopped AS stopped
FROM node o;

-- Messages of reminders. late_ms: from the alarm's time until the server of the
-- channel had it.
CREATE VIEW report_alarms AS
SELECT
  report_text(a."user") AS account,
  report_time(d.due_ms) AS due,
  d.channel AS channel,
  d.address AS address,
  d.item_id AS item,
  d.recurrence AS recurrence,
  CASE d.kind WHEN 1 THEN 'alarm' ELSE 'note' END AS kind,
  CASE d.state WHEN 1 THEN 'queued' WHEN 2 THEN 'sent' WHEN 3 THEN 'receipt'
    WHEN 4 THEN 'failed' ELSE 'dropped' END AS state,
  d.reason AS reason,
  d.late AS late,
  report_time(d.written_ms) AS written,
  CASE WHEN d.sent_ms > 0 THEN report_time(d.sent_ms) END AS sent,
  CASE WHEN d.receipt_ms > 0 THEN report_time(d.receipt_ms) END AS receipt,
  CASE WHEN d.sent_ms > 0 THEN d.sent_ms - d.due_ms END AS late_ms,
  d.attempts AS attempts
FROM delivery d JOIN account a ON a.account_id = d.account_id
WHERE d.kind <> 3;

-- By the hour in which they were due. missed: failed for good, or still
-- queued. Lateness in milliseconds, of those that were sent.
CREATE VIEW report_alarm_hourly AS
SELECT
  t.hour AS hour,
  t.channel AS channel,
  count(*) AS due,
  CAST(sum(CASE WHEN t.late_ms <= 1000 THEN 1 ELSE 0 END) AS BIGINT)
    AS within_1s,
  CAST(sum(CASE WHEN t.late_ms <= 10000 THEN 1 ELSE 0 END) AS BIGINT)
    AS within_10s,
  CAST(sum(CASE WHEN t.late_ms <= 60000 THEN 1 ELSE 0 END) AS BIGINT)
    AS within_60s,
  CAST(sum(CASE WHEN t.late_ms > 60000 THEN 1 ELSE 0 END) AS BIGINT) AS late,
  CAST(sum(CASE WHEN t.state IN (1, 4) THEN 1 ELSE 0 END) AS BIGINT) AS missed,
  CAST(sum(CASE WHEN t.state = 5 THEN 1 ELSE 0 END) AS BIGINT) AS dropped,
  CAST(sum(CASE WHEN t.state = 3 THEN 1 ELSE 0 END) AS BIGINT) AS receipts,
  min(CASE WHEN t.place * 2 >= t.sent THEN t.late_ms END) AS p50_ms,
  min(CASE WHEN t.place * 20 >= t.sent * 19 THEN t.late_ms END) AS p95_ms,
  max(t.late_ms) AS max_ms
FROM (
  SELECT
    s.hour AS hour,
    s.channel AS channel,
    s.state AS state,
    s.late_ms AS late_ms,
    count(s.late_ms) OVER (PARTITION BY s.hour, s.channel) AS sent,
    CASE WHEN s.late_ms IS NOT NULL THEN row_number() OVER (PARTITION BY s.hour,
      s.channel, CASE WHEN s.late_ms IS NULL THEN 1 ELSE 0 END
      ORDER BY s.late_ms) END AS place
  FROM (
    SELECT
      substr(report_time(d.due_ms), 1, 13) || ':00:00Z' AS hour,
      d.channel AS channel,
      d.state AS state,
      CASE WHEN d.sent_ms > 0 THEN d.sent_ms - d.due_ms END AS late_ms
    FROM delivery d WHERE d.kind = 1
  ) s
) t
GROUP BY t.hour, t.channel;

-- Notices that ask devices to sync, one row for each of their databases: when
-- the change was seen, the message queued and sent, and which session answered.
CREATE VIEW report_push AS
SELECT
  report_text(a."user") AS account,
  report_text(v.dev_id) AS device,
  (SELECT c.name FROM collection c WHERE c.account_id = n.account_id
   AND c.collection_id = n.collection_id) AS collection,
  n.notice_no AS notice,
  d.channel AS channel,
  CASE d.state WHEN 1 THEN 'queued' WHEN 2 THEN 'sent' WHEN 3 THEN 'receipt'
    WHEN 4 THEN 'failed' WHEN 5 THEN 'dropped' END AS state,
  d.reason AS reason,
  d.attempts AS attempts,
  report_time(n.event_ms) AS event,
  report_time(n.queued_ms) AS queued,
  CASE WHEN d.sent_ms > 0 THEN report_time(d.sent_ms) END AS sent,
  CASE WHEN n.started_ms > 0 THEN report_time(n.started_ms) END AS started,
  CASE WHEN n.session_id > 0 THEN n.session_id END AS session,
  CASE n.answer WHEN 1 THEN 'number' WHEN 2 THEN 'type' WHEN 3 THEN 'sync'
    WHEN 4 THEN 'void' ELSE 'none' END AS answer,
  n.queued_ms - n.event_ms AS queue_ms,
  CASE WHEN d.sent_ms > 0 THEN d.sent_ms - n.queued_ms END AS send_ms,
  CASE WHEN n.started_ms > 0 AND d.sent_ms > 0
    THEN n.started_ms - d.sent_ms END AS answer_ms
FROM notice n
  JOIN account a ON a.account_id = n.account_id
  LEFT JOIN device v
    ON v.account_id = n.account_id AND v.device_id = n.device_id
  LEFT JOIN delivery d
    ON d.account_id = n.account_id AND d.delivery_id = n.delivery_id;

-- The mailboxes that are looked at: how the last look ended, how much of it is
-- here, and what waits to be done there, or could not be.
CREATE VIEW report_mail_accounts AS
SELECT
  report_text(a."user") AS account,
  l.enabled AS enabled,
  CASE l.health WHEN 1 THEN 'ok' WHEN 2 THEN 'away' WHEN 3 THEN 'refused'
    ELSE 'new' END AS state,
  l.why AS why,
  l.host AS host,
  l.fails AS fails,
  CASE WHEN l.last_ms > 0 THEN report_time(l.last_ms) END AS last_look,
  CASE WHEN l.next_ms IS NOT NULL THEN report_time(l.next_ms) END AS next_look,
  (SELECT count(*) FROM mail_folder f
    WHERE f.account_id = l.account_id AND f.name <> '') AS folders,
  (SELECT count(*) FROM mail_place p
    WHERE p.account_id = l.account_id AND p.item_id > 0) AS mails,
  (SELECT count(*) FROM mail_effect e
    WHERE e.account_id = l.account_id AND e.next_ms IS NOT NULL) AS waiting,
  (SELECT count(*) FROM mail_effect e
    WHERE e.account_id = l.account_id AND e.state = 4) AS failed
FROM mail_login l JOIN account a ON a.account_id = l.account_id;
