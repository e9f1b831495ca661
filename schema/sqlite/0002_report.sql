-- Views for reports: names and columns stay, whatever becomes of the tables.
-- Times are UTC in ISO 8601, sizes in bytes, yes and no are 1 and 0. Views
-- whose name ends in _detail show people's own words; grant them apart.

CREATE VIEW report_devices AS
SELECT
  CAST(a.user AS TEXT) AS user,
  CAST(d.dev_id AS TEXT) AS device,
  d.label AS label,
  CAST(d.man AS TEXT) AS manufacturer,
  CAST(d.mod AS TEXT) AS model,
  CAST(d.swv AS TEXT) AS software,
  d.disabled AS disabled,
  strftime('%Y-%m-%dT%H:%M:%SZ', d.first_ms / 1000, 'unixepoch')
    AS first_seen,
  strftime('%Y-%m-%dT%H:%M:%SZ', d.last_ms / 1000, 'unixepoch') AS last_seen,
  (SELECT strftime('%Y-%m-%dT%H:%M:%SZ', max(l.last_ok_ms) / 1000,
     'unixepoch')
   FROM link l
   WHERE l.account_id = d.account_id AND l.device_id = d.device_id
     AND l.last_ok_ms > 0) AS last_good_sync
FROM device d JOIN account a ON a.account_id = d.account_id;

CREATE VIEW report_sessions AS
SELECT
  CAST(a.user AS TEXT) AS user,
  s.session_id AS session,
  CAST(d.dev_id AS TEXT) AS device,
  d.label AS label,
  strftime('%Y-%m-%dT%H:%M:%SZ', s.started_ms / 1000, 'unixepoch')
    AS started,
  strftime('%Y-%m-%dT%H:%M:%SZ', s.last_ms / 1000, 'unixepoch')
    AS last_message,
  s.last_msgid AS messages,
  s.peer AS address,
  s.closed AS closed,
  s.failed AS failed,
  s.verdict AS verdict
FROM session s
JOIN account a ON a.account_id = s.account_id
LEFT JOIN device d
  ON d.account_id = s.account_id AND d.device_id = s.device_id;

CREATE VIEW report_sessions_detail AS
SELECT
  CAST(a.user AS TEXT) AS user,
  t.session_id AS session,
  t.line AS line,
  strftime('%Y-%m-%dT%H:%M:%SZ', t.at_ms / 1000, 'unixepoch') AS at,
  CASE t.who WHEN '>' THEN 'device' WHEN '<' THEN 'server' ELSE 'decision'
    END AS who,
  t.text AS text
FROM story t JOIN account a ON a.account_id = t.account_id;

CREATE VIEW report_items AS
SELECT
  CAST(a.user AS TEXT) AS user,
  c.name AS collection,
  i.item_id AS item,
  CASE i.kind WHEN 1 THEN 'contact' WHEN 2 THEN 'event' WHEN 4 THEN 'task'
    WHEN 8 THEN 'note' ELSE 'other' END AS kind,
  i.deleted AS deleted,
  i.revision AS revision,
  i.size AS size,
  strftime('%Y-%m-%dT%H:%M:%SZ', i.created_ms / 1000, 'unixepoch')
    AS created,
  strftime('%Y-%m-%dT%H:%M:%SZ', i.modified_ms / 1000, 'unixepoch')
    AS modified
FROM item i
JOIN account a ON a.account_id = i.account_id
LEFT JOIN collection c
  ON c.account_id = i.account_id AND c.collection_id = i.collection_id;

CREATE VIEW report_items_detail AS
SELECT
  CAST(a.user AS TEXT) AS user,
  c.name AS collection,
  i.item_id AS item,
  i.revision AS revision,
  CAST(i.uid AS TEXT) AS uid,
  CAST(r.body AS TEXT) AS body
FROM item i
JOIN account a ON a.account_id = i.account_id
JOIN revision r ON r.account_id = i.account_id AND r.item_id = i.item_id
  AND r.revision = i.revision
LEFT JOIN collection c
  ON c.account_id = i.account_id AND c.collection_id = i.collection_id
WHERE i.deleted = 0;

CREATE VIEW report_changes AS
SELECT
  CAST(a.user AS TEXT) AS user,
  c.name AS collection,
  r.item_id AS item,
  r.revision AS revision,
  strftime('%Y-%m-%dT%H:%M:%SZ', r.at_ms / 1000, 'unixepoch') AS at,
  CASE WHEN r.side = 1 THEN 'kept aside' WHEN r.deleted = 1 THEN 'deleted'
    ELSE 'written' END AS what,
  CASE r.origin WHEN 1 THEN 'device' WHEN 2 THEN 'merge' WHEN 3 THEN 'import'
    WHEN 4 THEN 'administrator' WHEN 5 THEN 'restore' WHEN 6 THEN 'alarm'
    ELSE 'other' END AS origin,
  CAST(d.dev_id AS TEXT) AS device,
  nullif(r.session_id, 0) AS session,
  length(r.body) AS size
FROM revision r
JOIN account a ON a.account_id = r.account_id
LEFT JOIN item i ON i.account_id = r.account_id AND i.item_id = r.item_id
LEFT JOIN collection c
  ON c.account_id = i.account_id AND c.collection_id = i.collection_id
LEFT JOIN device d
  ON d.account_id = r.account_id AND d.device_id = r.device_id;
