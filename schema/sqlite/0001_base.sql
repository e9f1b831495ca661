-- Funicular's tables, first version, for SQLite.
--
-- Three classes of table, listed in table_class and checked by a test:
--   account  primary key and unique indexes start with account_id; nothing in
--            them refers to another account
--   work     account tables with one more plain index (bucket, due time)
--   site     small directories, rebuildable or written idempotently
--
-- Bytes that came from a device are BLOB, our own words are TEXT. Times are
-- milliseconds since 1970 UTC (_ms). Numbers of 64 bits (hashes, forms) are
-- kept as signed integers. See schema/README.md.

CREATE TABLE table_class (
  name TEXT NOT NULL PRIMARY KEY,
  class TEXT NOT NULL CHECK (class IN ('account', 'work', 'site'))
) WITHOUT ROWID;

INSERT INTO table_class (name, class) VALUES
  ('migration', 'site'), ('table_class', 'site'), ('site', 'site'),
  ('login', 'site'), ('device_directory', 'site'), ('throttle', 'site'),
  ('auth_day', 'site'), ('node', 'site'), ('lease', 'site'),
  ('address_directory', 'site'), ('setting', 'account'),
  ('alarm_next', 'work'), ('delivery', 'work'), ('reminder_seen', 'account'),
  ('push_due', 'work'), ('push_device', 'account'), ('notice', 'account'),
  ('account', 'account'), ('credential', 'account'),
  ('collection', 'account'), ('item', 'account'), ('item_hash', 'account'),
  ('revision', 'account'), ('history', 'account'), ('device', 'account'),
  ('link', 'account'), ('map', 'account'), ('session', 'account'),
  ('session_state', 'account'), ('answer', 'account'), ('story', 'account'),
  ('session_store', 'account'), ('session_event', 'account'),
  ('chunk', 'account'),
  ('mail_folder', 'account'), ('mail_place', 'account'),
  ('mail_body', 'account'), ('mail_effect', 'work'), ('mail_login', 'work');

-- Site ------------------------------------------------------------------

CREATE TABLE site (
  key TEXT NOT NULL PRIMARY KEY,
  value BLOB NOT NULL
) WITHOUT ROWID;

-- user_key: the login name with ASCII letters in lower case.
CREATE TABLE login (
  user_key BLOB NOT NULL PRIMARY KEY,
  account_id INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE device_directory (
  dev_id BLOB NOT NULL,
  account_id INTEGER NOT NULL,
  PRIMARY KEY (dev_id, account_id)
) WITHOUT ROWID;

-- Wrong logins and known devices, under keyed hashes. kind 0: one row that
-- counts the sharings (in fails); seq: the sharing that last changed a row.
CREATE TABLE throttle (
  kind INTEGER NOT NULL,
  key INTEGER NOT NULL,
  fails INTEGER NOT NULL,
  last_ms INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (kind, key)
) WITHOUT ROWID;
CREATE INDEX throttle_seq ON throttle (seq);

-- Logins by day (since 1970, UTC). account_id 0: the name is no account's.
-- net: the address's network, as the reports show it. what: 1 right, 2 wrong,
-- 3 not looked at.
CREATE TABLE auth_day (
  day INTEGER NOT NULL,
  account_id INTEGER NOT NULL,
  net TEXT NOT NULL,
  what INTEGER NOT NULL,
  n INTEGER NOT NULL,
  last_ms INTEGER NOT NULL,
  PRIMARY KEY (day, account_id, net, what)
) WITHOUT ROWID;

-- Processes that serve, or did. last_ms: by the database's clock.
CREATE TABLE node (
  node_id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  schema_no INTEGER NOT NULL,
  started_ms INTEGER NOT NULL,
  last_ms INTEGER NOT NULL,
  stopped INTEGER NOT NULL
) WITHOUT ROWID;

-- Work that one node does for all. until_ms: by the database's clock.
CREATE TABLE lease (
  name TEXT NOT NULL PRIMARY KEY,
  owner TEXT NOT NULL,
  until_ms INTEGER NOT NULL
) WITHOUT ROWID;

-- Who is reminded at an address, and may answer from it.
CREATE TABLE address_directory (
  channel TEXT NOT NULL,
  address TEXT NOT NULL,
  account_id INTEGER NOT NULL,
  PRIMARY KEY (channel, address)
) WITHOUT ROWID;
CREATE INDEX address_directory_account ON address_directory (account_id);

-- Account ---------------------------------------------------------------

-- alarm_lead: minutes before events without an alarm; -1: none.
-- push: one of its devices wants to be told of changes (push_device).
-- moved: the site is in another database now (funicular copy); nobody writes
-- to this account here.
CREATE TABLE account (
  account_id INTEGER PRIMARY KEY,
  user BLOB NOT NULL,
  disabled INTEGER NOT NULL,
  zone TEXT NOT NULL,
  quota_bytes INTEGER NOT NULL,
  quota_items INTEGER NOT NULL,
  used_bytes INTEGER NOT NULL,
  used_items INTEGER NOT NULL,
  change_no INTEGER NOT NULL,
  next_id INTEGER NOT NULL,
  cred_gen INTEGER NOT NULL,
  created_ms INTEGER NOT NULL,
  moved INTEGER NOT NULL,
  alarm_on INTEGER NOT NULL,
  alarm_hour INTEGER NOT NULL,
  alarm_lead INTEGER NOT NULL,
  push INTEGER NOT NULL
);

CREATE TABLE credential (
  account_id INTEGER NOT NULL,
  credential_id INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  label TEXT NOT NULL,
  device BLOB NOT NULL,
  hash BLOB NOT NULL,
  sealed BLOB NOT NULL,
  created_ms INTEGER NOT NULL,
  used_ms INTEGER NOT NULL,
  PRIMARY KEY (account_id, credential_id)
) WITHOUT ROWID;

-- A combined collection names its members ("3 5 7"); one that holds its own
-- items has itself there and nothing else.
CREATE TABLE collection (
  account_id INTEGER NOT NULL,
  collection_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  display TEXT NOT NULL,
  aliases TEXT NOT NULL,
  kinds INTEGER NOT NULL,
  policy INTEGER NOT NULL,
  read_only INTEGER NOT NULL,
  no_brake INTEGER NOT NULL,
  members TEXT NOT NULL,
  PRIMARY KEY (account_id, collection_id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX collection_name
  ON collection (account_id, name COLLATE NOCASE);

-- Items: heads, look-up hashes, every version ever written ----------------

CREATE TABLE item (
  account_id INTEGER NOT NULL,
  item_id INTEGER NOT NULL,
  collection_id INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  last_revision INTEGER NOT NULL,
  change_no INTEGER NOT NULL,
  deleted INTEGER NOT NULL,
  uid BLOB NOT NULL,
  h_uid INTEGER NOT NULL,
  h_content INTEGER NOT NULL,
  h_identity INTEGER NOT NULL,
  size INTEGER NOT NULL,
  created_ms INTEGER NOT NULL,
  modified_ms INTEGER NOT NULL,
  span_from INTEGER,
  span_to INTEGER,
  PRIMARY KEY (account_id, item_id)
) WITHOUT ROWID;
-- What crosses an edge of a device's window of dates is a range of one of
-- these; items without dates (NULL) are in neither, and cost nothing.
CREATE INDEX item_span_from
  ON item (account_id, collection_id, span_from, item_id)
  WHERE span_from IS NOT NULL;
CREATE INDEX item_span_to
  ON item (account_id, collection_id, span_to, item_id)
  WHERE span_to IS NOT NULL;
-- revision and deleted ride along so that what a device already holds is
-- passed over without reading its head.
CREATE INDEX item_change
  ON item (account_id, collection_id, change_no, item_id, revision, deleted);

-- Up to three rows for each item that is not deleted: one tree instead of
-- three indexes, since a look-up asks for a hash whatever it was made of.
CREATE TABLE item_hash (
  account_id INTEGER NOT NULL,
  collection_id INTEGER NOT NULL,
  hash INTEGER NOT NULL,
  item_id INTEGER NOT NULL,
  PRIMARY KEY (account_id, collection_id, hash, item_id)
) WITHOUT ROWID;

-- Bodies are large: a table with rowids, so that they are appended in leaves
-- and the key's tree stays small. body is last, so that the columns before it
-- are read without its overflow pages.
CREATE TABLE revision (
  account_id INTEGER NOT NULL,
  item_id INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  deleted INTEGER NOT NULL,
  side INTEGER NOT NULL,
  h_content INTEGER NOT NULL,
  origin INTEGER NOT NULL,
  device_id INTEGER NOT NULL,
  session_id INTEGER NOT NULL,
  change_no INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (account_id, item_id, revision)
);

-- Revisions that may be pruned some day, by the time since when nobody sees
-- them: replaced ones, side ones, and tombstones.
CREATE TABLE history (
  account_id INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  item_id INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  PRIMARY KEY (account_id, at_ms, item_id, revision)
) WITHOUT ROWID;

-- Devices, links, maps ----------------------------------------------------

-- own_nonce: the one that it gave us last, for our own proof towards it.
CREATE TABLE device (
  account_id INTEGER NOT NULL,
  device_id INTEGER NOT NULL,
  dev_id BLOB NOT NULL,
  label TEXT NOT NULL,
  disabled INTEGER NOT NULL,
  man BLOB NOT NULL,
  mod BLOB NOT NULL,
  swv BLOB NOT NULL,
  rules TEXT NOT NULL,
  nonce BLOB NOT NULL,
  nonce_floor_ms INTEGER NOT NULL,
  every_message_auth INTEGER NOT NULL,
  no_pieces INTEGER NOT NULL,
  first_ms INTEGER NOT NULL,
  last_ms INTEGER NOT NULL,
  last_addr TEXT NOT NULL,
  own_nonce BLOB NOT NULL,
  devinf BLOB NOT NULL,
  PRIMARY KEY (account_id, device_id)
);
CREATE UNIQUE INDEX device_dev_id ON device (account_id, dev_id);

-- cursors: 24 bytes for each: collection, change number, item (big endian).
-- server_uri: our side, as the device calls it.
CREATE TABLE link (
  account_id INTEGER NOT NULL,
  link_id INTEGER NOT NULL,
  device_id INTEGER NOT NULL,
  collection_id INTEGER NOT NULL,
  client_db BLOB NOT NULL,
  cursors BLOB NOT NULL,
  a_client BLOB NOT NULL,
  a_server BLOB NOT NULL,
  n_client BLOB NOT NULL,
  n_server BLOB NOT NULL,
  n_valid INTEGER NOT NULL,
  n_sync_no INTEGER NOT NULL,
  sync_no INTEGER NOT NULL,
  confirmed_no INTEGER NOT NULL,
  gen INTEGER NOT NULL,
  stage INTEGER NOT NULL,
  gen_last INTEGER NOT NULL,
  last_ok_ms INTEGER NOT NULL,
  last_type INTEGER NOT NULL,
  open BLOB NOT NULL,
  past_days INTEGER NOT NULL,
  future_days INTEGER NOT NULL,
  mail_count INTEGER NOT NULL,
  mail_parts INTEGER NOT NULL,
  mail_bytes INTEGER NOT NULL,
  mail_attach INTEGER NOT NULL,
  filter BLOB NOT NULL,
  filter_asked BLOB NOT NULL,
  server_uri BLOB NOT NULL,
  PRIMARY KEY (account_id, link_id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX link_device
  ON link (account_id, device_id, collection_id, client_db);

-- luid NULL: not known. offers: 16 bytes for each, oldest first: revision,
-- form (big endian). pending: the row wants attention at the next sync.
CREATE TABLE map (
  account_id INTEGER NOT NULL,
  link_id INTEGER NOT NULL,
  gen INTEGER NOT NULL,
  item_id INTEGER NOT NULL,
  luid BLOB,
  state INTEGER NOT NULL,
  held INTEGER NOT NULL,
  held_form INTEGER NOT NULL,
  offers BLOB,
  reason INTEGER NOT NULL,
  touched INTEGER NOT NULL,
  pending INTEGER NOT NULL,
  PRIMARY KEY (account_id, link_id, gen, item_id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX map_luid
  ON map (account_id, link_id, luid, gen) WHERE luid IS NOT NULL;
CREATE INDEX map_pending
  ON map (account_id, link_id, gen, item_id) WHERE pending = 1;

-- Sessions ----------------------------------------------------------------

-- kept: it is open, or its state or last answer is still there.
CREATE TABLE session (
  account_id INTEGER NOT NULL,
  session_id INTEGER NOT NULL,
  device_id INTEGER NOT NULL,
  sid BLOB NOT NULL,
  token_hash BLOB,
  last_msgid INTEGER NOT NULL,
  body_hash BLOB NOT NULL,
  peer TEXT NOT NULL,
  closed INTEGER NOT NULL,
  started_ms INTEGER NOT NULL,
  last_ms INTEGER NOT NULL,
  verdict TEXT NOT NULL,
  failed INTEGER NOT NULL,
  kept INTEGER NOT NULL,
  PRIMARY KEY (account_id, session_id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX session_token
  ON session (account_id, token_hash) WHERE token_hash IS NOT NULL;
CREATE INDEX session_device ON session (account_id, device_id, session_id);
-- A new session asks whether its SessionID was there before.
CREATE INDEX session_sid ON session (account_id, device_id, sid, session_id);
CREATE INDEX session_kept
  ON session (account_id, device_id, session_id) WHERE kept = 1;

CREATE TABLE session_state (
  account_id INTEGER NOT NULL,
  session_id INTEGER NOT NULL,
  state BLOB NOT NULL,
  PRIMARY KEY (account_id, session_id)
);

CREATE TABLE answer (
  account_id INTEGER NOT NULL,
  session_id INTEGER NOT NULL,
  bytes BLOB NOT NULL,
  PRIMARY KEY (account_id, session_id)
);

CREATE TABLE story (
  account_id INTEGER NOT NULL,
  session_id INTEGER NOT NULL,
  line INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  who TEXT NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (account_id, session_id, line)
) WITHOUT ROWID;

-- What reports say of a session: one row for each of its databases, and one
-- for each decision about an item. Codes: enum store_event_kind and
-- store_event_how in backends/store.h.
CREATE TABLE session_store (
  account_id INTEGER NOT NULL,
  session_id INTEGER NOT NULL,
  link_id INTEGER NOT NULL,
  collection_id INTEGER NOT NULL,
  asked INTEGER NOT NULL,
  done INTEGER NOT NULL,
  first INTEGER NOT NULL,
  forced INTEGER NOT NULL,
  resumed INTEGER NOT NULL,
  refused INTEGER NOT NULL,
  complete INTEGER NOT NULL,
  why TEXT NOT NULL,
  in_added INTEGER NOT NULL,
  in_replaced INTEGER NOT NULL,
  in_deleted INTEGER NOT NULL,
  in_failed INTEGER NOT NULL,
  out_added INTEGER NOT NULL,
  out_replaced INTEGER NOT NULL,
  out_deleted INTEGER NOT NULL,
  out_failed INTEGER NOT NULL,
  matched INTEGER NOT NULL,
  conflicts INTEGER NOT NULL,
  held_back INTEGER NOT NULL,
  started_ms INTEGER NOT NULL,
  last_ms INTEGER NOT NULL,
  PRIMARY KEY (account_id, session_id, link_id)
) WITHOUT ROWID;

CREATE TABLE session_event (
  account_id INTEGER NOT NULL,
  session_id INTEGER NOT NULL,
  link_id INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  item_id INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  how INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  PRIMARY KEY (account_id, session_id, link_id, kind, item_id, revision)
) WITHOUT ROWID;

-- Large objects in pieces; start_byte is the piece's place in the object.
CREATE TABLE chunk (
  account_id INTEGER NOT NULL,
  link_id INTEGER NOT NULL,
  dir TEXT NOT NULL,
  start_byte INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  bytes BLOB NOT NULL,
  PRIMARY KEY (account_id, link_id, dir, start_byte)
);

-- Work that is due ----------------------------------------------------------

-- The next alarm of each item that has one. The bucket is made of the account:
-- nodes lease buckets.
CREATE TABLE alarm_next (
  account_id INTEGER NOT NULL,
  item_id INTEGER NOT NULL,
  bucket INTEGER NOT NULL,
  due_ms INTEGER NOT NULL,
  PRIMARY KEY (account_id, item_id)
) WITHOUT ROWID;
CREATE INDEX alarm_next_due ON alarm_next (bucket, due_ms);

-- The outbox, and what became of it. delivery_id is a hash of what makes a
-- message unique: account, item, recurrence, instant, channel, address.
-- next_ms NULL: settled. Codes: enum store_delivery_kind and
-- store_delivery_state in backends/store_alarm.h.
CREATE TABLE delivery (
  account_id INTEGER NOT NULL,
  delivery_id TEXT NOT NULL,
  bucket INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  item_id INTEGER NOT NULL,
  recurrence TEXT NOT NULL,
  alarm TEXT NOT NULL,
  due_ms INTEGER NOT NULL,
  start_ms INTEGER NOT NULL,
  channel TEXT NOT NULL,
  address TEXT NOT NULL,
  late INTEGER NOT NULL,
  state INTEGER NOT NULL,
  reason TEXT NOT NULL,
  text TEXT NOT NULL,
  written_ms INTEGER NOT NULL,
  next_ms INTEGER,
  sent_ms INTEGER NOT NULL,
  receipt_ms INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  PRIMARY KEY (account_id, delivery_id)
) WITHOUT ROWID;
CREATE INDEX delivery_next
  ON delivery (bucket, channel, next_ms) WHERE next_ms IS NOT NULL;
CREATE INDEX delivery_written ON delivery (account_id, written_ms);

-- Stanzas that came in: once more is no news.
CREATE TABLE reminder_seen (
  account_id INTEGER NOT NULL,
  seen_key TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  PRIMARY KEY (account_id, seen_key)
) WITHOUT ROWID;

-- Accounts whose items changed since their devices were looked at, where one of
-- them wants to be told.
CREATE TABLE push_due (
  account_id INTEGER NOT NULL,
  bucket INTEGER NOT NULL,
  due_ms INTEGER NOT NULL,
  PRIMARY KEY (account_id)
) WITHOUT ROWID;
CREATE INDEX push_due_due ON push_due (bucket, due_ms);

-- How a device is told that there is something to sync. ways: the rest, in
-- words of server/push. secret: sealed. last_no, last_ms: of its last notice;
-- tries: notices since the last sync that went well. day_n messages left in the
-- 24 hours from day_ms on.
CREATE TABLE push_device (
  account_id INTEGER NOT NULL,
  device_id INTEGER NOT NULL,
  channel TEXT NOT NULL,
  address TEXT NOT NULL,
  ways TEXT NOT NULL,
  secret BLOB NOT NULL,
  last_no INTEGER NOT NULL,
  last_ms INTEGER NOT NULL,
  tries INTEGER NOT NULL,
  day_ms INTEGER NOT NULL,
  day_n INTEGER NOT NULL,
  PRIMARY KEY (account_id, device_id)
) WITHOUT ROWID;

-- What devices were told, one row for each database of a notice; its message is
-- a row of delivery. session_id 0: none has answered it yet. Codes of answer:
-- enum store_notice_answer in backends/store_push.h.
CREATE TABLE notice (
  account_id INTEGER NOT NULL,
  device_id INTEGER NOT NULL,
  notice_no INTEGER NOT NULL,
  collection_id INTEGER NOT NULL,
  delivery_id TEXT NOT NULL,
  event_ms INTEGER NOT NULL,
  queued_ms INTEGER NOT NULL,
  session_id INTEGER NOT NULL,
  started_ms INTEGER NOT NULL,
  answer INTEGER NOT NULL,
  PRIMARY KEY (account_id, device_id, notice_no, collection_id)
) WITHOUT ROWID;
CREATE INDEX notice_queued ON notice (account_id, queued_ms);

CREATE TABLE setting (
  account_id INTEGER NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (account_id, key)
) WITHOUT ROWID;

-- Mail ----------------------------------------------------------------------

-- A folder is a collection; what lies there is a mirror of the part of it that
-- devices may see. Codes: backends/store_mail.h.
CREATE TABLE mail_folder (
  account_id INTEGER NOT NULL,
  collection_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  role INTEGER NOT NULL,
  uidvalidity INTEGER NOT NULL,
  uidnext INTEGER NOT NULL,
  highestmodseq INTEGER NOT NULL,
  seen_ms INTEGER NOT NULL,
  PRIMARY KEY (account_id, collection_id)
) WITHOUT ROWID;

-- What IMAP said last of each message. item_id 0: it is not mirrored.
CREATE TABLE mail_place (
  account_id INTEGER NOT NULL,
  collection_id INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  item_id INTEGER NOT NULL,
  flags INTEGER NOT NULL,
  modseq INTEGER NOT NULL,
  size INTEGER NOT NULL,
  PRIMARY KEY (account_id, collection_id, uid)
) WITHOUT ROWID;
CREATE INDEX mail_place_item
  ON mail_place (account_id, item_id) WHERE item_id > 0;

-- The bytes of a mail, which never change; its item's body is the head only.
CREATE TABLE mail_body (
  account_id INTEGER NOT NULL,
  item_id INTEGER NOT NULL,
  whole INTEGER NOT NULL,
  bytes BLOB NOT NULL,
  PRIMARY KEY (account_id, item_id)
);

-- What is to be done at IMAP and SMTP, and what became of it. effect_id is made
-- of what makes it unique. next_ms NULL: settled.
CREATE TABLE mail_effect (
  account_id INTEGER NOT NULL,
  effect_id TEXT NOT NULL,
  bucket INTEGER NOT NULL,
  what INTEGER NOT NULL,
  item_id INTEGER NOT NULL,
  collection_id INTEGER NOT NULL,
  to_id INTEGER NOT NULL,
  flags_on INTEGER NOT NULL,
  flags_off INTEGER NOT NULL,
  want_bytes INTEGER NOT NULL,
  message_id BLOB NOT NULL,
  device_id INTEGER NOT NULL,
  state INTEGER NOT NULL,
  reason TEXT NOT NULL,
  written_ms INTEGER NOT NULL,
  next_ms INTEGER,
  attempts INTEGER NOT NULL,
  PRIMARY KEY (account_id, effect_id)
) WITHOUT ROWID;
CREATE INDEX mail_effect_next
  ON mail_effect (bucket, next_ms) WHERE next_ms IS NOT NULL;
CREATE INDEX mail_effect_item
  ON mail_effect (account_id, item_id) WHERE next_ms IS NOT NULL;
CREATE INDEX mail_effect_written ON mail_effect (account_id, written_ms);

-- The account's mailbox. next_ms NULL: nobody looks into it.
CREATE TABLE mail_login (
  account_id INTEGER NOT NULL PRIMARY KEY,
  bucket INTEGER NOT NULL,
  enabled INTEGER NOT NULL,
  host TEXT NOT NULL,
  port INTEGER NOT NULL,
  security INTEGER NOT NULL,
  user BLOB NOT NULL,
  master INTEGER NOT NULL,
  sealed BLOB NOT NULL,
  addresses TEXT NOT NULL,
  days INTEGER NOT NULL,
  count INTEGER NOT NULL,
  cap INTEGER NOT NULL,
  health INTEGER NOT NULL,
  why TEXT NOT NULL,
  last_ms INTEGER NOT NULL,
  next_ms INTEGER,
  fails INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX mail_login_next
  ON mail_login (bucket, next_ms) WHERE next_ms IS NOT NULL;
