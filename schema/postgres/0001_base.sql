-- Funicular's tables, first version, for PostgreSQL. Tables, columns and ids
-- are those of schema/sqlite, so that a site's rows can move as they are.
--
-- Three classes of table, listed in table_class and checked by a test:
--   account  primary key and unique indexes start with account_id; nothing in
--            them refers to another account; may be partitioned by it
--   work     account tables with one more plain index (bucket, due time)
--   site     small directories, rebuildable or written idempotently
--
-- Every number is bigint, yes and no are 1 and 0. Bytes that came from a
-- device are bytea, our own words are text. Times are milliseconds since 1970
-- UTC (_ms). Numbers of 64 bits (hashes, forms) are kept as signed ones. See
-- schema/README.md.

CREATE TABLE table_class (
  name text NOT NULL PRIMARY KEY,
  class text NOT NULL CHECK (class IN ('account', 'work', 'site'))
);

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
  key text NOT NULL PRIMARY KEY,
  value bytea NOT NULL
);

-- user_key: the login name with ASCII letters in lower case.
CREATE TABLE login (
  user_key bytea NOT NULL PRIMARY KEY,
  account_id bigint NOT NULL
);

CREATE TABLE device_directory (
  dev_id bytea NOT NULL,
  account_id bigint NOT NULL,
  PRIMARY KEY (dev_id, account_id)
);

-- Wrong logins and known devices, under keyed hashes. kind 0: one row that
-- counts the sharings (in fails); seq: the sharing that last changed a row.
CREATE TABLE throttle (
  kind bigint NOT NULL,
  key bigint NOT NULL,
  fails bigint NOT NULL,
  last_ms bigint NOT NULL,
  seq bigint NOT NULL,
  PRIMARY KEY (kind, key)
);
CREATE INDEX throttle_seq ON throttle (seq);

-- Logins by day (since 1970, UTC). account_id 0: the name is no account's.
-- net: the address's network, as the reports show it. what: 1 right, 2 wrong,
-- 3 not looked at.
CREATE TABLE auth_day (
  day bigint NOT NULL,
  account_id bigint NOT NULL,
  net text NOT NULL,
  what bigint NOT NULL,
  n bigint NOT NULL,
  last_ms bigint NOT NULL,
  PRIMARY KEY (day, account_id, net, what)
);

-- Processes that serve, or did. last_ms: by the database's clock.
CREATE TABLE node (
  node_id text NOT NULL PRIMARY KEY,
  name text NOT NULL,
  version text NOT NULL,
  schema_no bigint NOT NULL,
  started_ms bigint NOT NULL,
  last_ms bigint NOT NULL,
  stopped bigint NOT NULL
);

-- Work that one node does for all. until_ms: by the database's clock.
CREATE TABLE lease (
  name text NOT NULL PRIMARY KEY,
  owner text NOT NULL,
  until_ms bigint NOT NULL
);

-- Who is reminded at an address, and may answer from it.
CREATE TABLE address_directory (
  channel text NOT NULL,
  address text NOT NULL,
  account_id bigint NOT NULL,
  PRIMARY KEY (channel, address)
);
CREATE INDEX address_directory_account ON address_directory (account_id);

-- Account ---------------------------------------------------------------

-- alarm_lead: minutes before events without an alarm; -1: none.
-- push: one of its devices wants to be told of changes (push_device).
-- moved: the site is in another database now (funicular copy); nobody writes
-- to this account here.
CREATE TABLE account (
  account_id bigint NOT NULL PRIMARY KEY,
  "user" bytea NOT NULL,
  disabled bigint NOT NULL,
  zone text NOT NULL,
  quota_bytes bigint NOT NULL,
  quota_items bigint NOT NULL,
  used_bytes bigint NOT NULL,
  used_items bigint NOT NULL,
  change_no bigint NOT NULL,
  next_id bigint NOT NULL,
  cred_gen bigint NOT NULL,
  created_ms bigint NOT NULL,
  moved bigint NOT NULL,
  alarm_on bigint NOT NULL,
  alarm_hour bigint NOT NULL,
  alarm_lead bigint NOT NULL,
  push bigint NOT NULL
);

CREATE TABLE credential (
  account_id bigint NOT NULL,
  credential_id bigint NOT NULL,
  kind bigint NOT NULL,
  label text NOT NULL,
  device bytea NOT NULL,
  hash bytea NOT NULL,
  sealed bytea NOT NULL,
  created_ms bigint NOT NULL,
  used_ms bigint NOT NULL,
  PRIMARY KEY (account_id, credential_id)
);

-- A combined collection names its members ("3 5 7"); one that holds its own
-- items has itself there and nothing else.
CREATE TABLE collection (
  account_id bigint NOT NULL,
  collection_id bigint NOT NULL,
  name text NOT NULL,
  display text NOT NULL,
  aliases text NOT NULL,
  kinds bigint NOT NULL,
  policy bigint NOT NULL,
  read_only bigint NOT NULL,
  no_brake bigint NOT NULL,
  members text NOT NULL,
  PRIMARY KEY (account_id, collection_id)
);
CREATE UNIQUE INDEX collection_name
  ON collection (account_id, lower(name COLLATE "C"));

-- Items: heads, look-up hashes, every version ever written ----------------

CREATE TABLE item (
  account_id bigint NOT NULL,
  item_id bigint NOT NULL,
  collection_id bigint NOT NULL,
  kind bigint NOT NULL,
  revision bigint NOT NULL,
  last_revision bigint NOT NULL,
  change_no bigint NOT NULL,
  deleted bigint NOT NULL,
  uid bytea NOT NULL,
  h_uid bigint NOT NULL,
  h_content bigint NOT NULL,
  h_identity bigint NOT NULL,
  size bigint NOT NULL,
  created_ms bigint NOT NULL,
  modified_ms bigint NOT NULL,
  span_from bigint,
  span_to bigint,
  PRIMARY KEY (account_id, item_id)
);
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
  ON item (account_id, collection_id, change_no, item_id)
  INCLUDE (revision, deleted);

-- Up to three rows for each item that is not deleted: one tree instead of
-- three indexes, since a look-up asks for a hash whatever it was made of.
CREATE TABLE item_hash (
  account_id bigint NOT NULL,
  collection_id bigint NOT NULL,
  hash bigint NOT NULL,
  item_id bigint NOT NULL,
  PRIMARY KEY (account_id, collection_id, hash, item_id)
);

CREATE TABLE revision (
  account_id bigint NOT NULL,
  item_id bigint NOT NULL,
  revision bigint NOT NULL,
  deleted bigint NOT NULL,
  side bigint NOT NULL,
  h_content bigint NOT NULL,
  origin bigint NOT NULL,
  device_id bigint NOT NULL,
  session_id bigint NOT NULL,
  change_no bigint NOT NULL,
  at_ms bigint NOT NULL,
  body bytea NOT NULL,
  PRIMARY KEY (account_id, item_id, revision)
);

-- Revisions that may be pruned some day, by the time since when nobody sees
-- them: replaced ones, side ones, and tombstones.
CREATE TABLE history (
  account_id bigint NOT NULL,
  at_ms bigint NOT NULL,
  item_id bigint NOT NULL,
  revision bigint NOT NULL,
  PRIMARY KEY (account_id, at_ms, item_id, revision)
);

-- Devices, links, maps ----------------------------------------------------

-- own_nonce: the one that it gave us last, for our own proof towards it.
CREATE TABLE device (
  account_id bigint NOT NULL,
  device_id bigint NOT NULL,
  dev_id bytea NOT NULL,
  label text NOT NULL,
  disabled bigint NOT NULL,
  man bytea NOT NULL,
  mod bytea NOT NULL,
  swv bytea NOT NULL,
  rules text NOT NULL,
  nonce bytea NOT NULL,
  nonce_floor_ms bigint NOT NULL,
  every_message_auth bigint NOT NULL,
  no_pieces bigint NOT NULL,
  first_ms bigint NOT NULL,
  last_ms bigint NOT NULL,
  last_addr text NOT NULL,
  own_nonce bytea NOT NULL,
  devinf bytea NOT NULL,
  PRIMARY KEY (account_id, device_id)
);
CREATE UNIQUE INDEX device_dev_id ON device (account_id, dev_id);

-- cursors: 24 bytes for each: collection, change number, item (big endian).
-- server_uri: our side, as the device calls it.
CREATE TABLE link (
  account_id bigint NOT NULL,
  link_id bigint NOT NULL,
  device_id bigint NOT NULL,
  collection_id bigint NOT NULL,
  client_db bytea NOT NULL,
  cursors bytea NOT NULL,
  a_client bytea NOT NULL,
  a_server bytea NOT NULL,
  n_client bytea NOT NULL,
  n_server bytea NOT NULL,
  n_valid bigint NOT NULL,
  n_sync_no bigint NOT NULL,
  sync_no bigint NOT NULL,
  confirmed_no bigint NOT NULL,
  gen bigint NOT NULL,
  stage bigint NOT NULL,
  gen_last bigint NOT NULL,
  last_ok_ms bigint NOT NULL,
  last_type bigint NOT NULL,
  open bytea NOT NULL,
  past_days bigint NOT NULL,
  future_days bigint NOT NULL,
  mail_count bigint NOT NULL,
  mail_parts bigint NOT NULL,
  mail_bytes bigint NOT NULL,
  mail_attach bigint NOT NULL,
  filter bytea NOT NULL,
  filter_asked bytea NOT NULL,
  server_uri bytea NOT NULL,
  PRIMARY KEY (account_id, link_id)
);
CREATE UNIQUE INDEX link_device
  ON link (account_id, device_id, collection_id, client_db);

-- luid NULL: not known. offers: 16 bytes for each, oldest first: revision,
-- form (big endian). pending: the row wants attention at the next sync.
CREATE TABLE map (
  account_id bigint NOT NULL,
  link_id bigint NOT NULL,
  gen bigint NOT NULL,
  item_id bigint NOT NULL,
  luid bytea,
  state bigint NOT NULL,
  held bigint NOT NULL,
  held_form bigint NOT NULL,
  offers bytea,
  reason bigint NOT NULL,
  touched bigint NOT NULL,
  pending bigint NOT NULL,
  PRIMARY KEY (account_id, link_id, gen, item_id)
);
-- The LUID before the link: no other index is as good for a LUID then, whatever
-- the statistics say.
CREATE UNIQUE INDEX map_luid
  ON map (account_id, luid, link_id, gen) WHERE luid IS NOT NULL;
CREATE INDEX map_pending
  ON map (account_id, link_id, gen, item_id) WHERE pending = 1;

-- Sessions ----------------------------------------------------------------

-- kept: it is open, or its state or last answer is still there.
CREATE TABLE session (
  account_id bigint NOT NULL,
  session_id bigint NOT NULL,
  device_id bigint NOT NULL,
  sid bytea NOT NULL,
  token_hash bytea,
  last_msgid bigint NOT NULL,
  body_hash bytea NOT NULL,
  peer text NOT NULL,
  closed bigint NOT NULL,
  started_ms bigint NOT NULL,
  last_ms bigint NOT NULL,
  verdict text NOT NULL,
  failed bigint NOT NULL,
  kept bigint NOT NULL,
  PRIMARY KEY (account_id, session_id)
);
CREATE UNIQUE INDEX session_token
  ON session (account_id, token_hash) WHERE token_hash IS NOT NULL;
CREATE INDEX session_device ON session (account_id, device_id, session_id);
-- A new session asks whether its SessionID was there before.
CREATE INDEX session_sid ON session (account_id, device_id, sid, session_id);
CREATE INDEX session_kept
  ON session (account_id, device_id, session_id) WHERE kept = 1;

CREATE TABLE session_state (
  account_id bigint NOT NULL,
  session_id bigint NOT NULL,
  state bytea NOT NULL,
  PRIMARY KEY (account_id, session_id)
);

CREATE TABLE answer (
  account_id bigint NOT NULL,
  session_id bigint NOT NULL,
  bytes bytea NOT NULL,
  PRIMARY KEY (account_id, session_id)
);

CREATE TABLE story (
  account_id bigint NOT NULL,
  session_id bigint NOT NULL,
  line bigint NOT NULL,
  at_ms bigint NOT NULL,
  who text NOT NULL,
  text text NOT NULL,
  PRIMARY KEY (account_id, session_id, line)
);

-- What reports say of a session: one row for each of its databases, and one
-- for each decision about an item. Codes: enum store_event_kind and
-- store_event_how in backends/store.h.
CREATE TABLE session_store (
  account_id bigint NOT NULL,
  session_id bigint NOT NULL,
  link_id bigint NOT NULL,
  collection_id bigint NOT NULL,
  asked bigint NOT NULL,
  done bigint NOT NULL,
  first bigint NOT NULL,
  forced bigint NOT NULL,
  resumed bigint NOT NULL,
  refused bigint NOT NULL,
  complete bigint NOT NULL,
  why text NOT NULL,
  in_added bigint NOT NULL,
  in_replaced bigint NOT NULL,
  in_deleted bigint NOT NULL,
  in_failed bigint NOT NULL,
  out_added bigint NOT NULL,
  out_replaced bigint NOT NULL,
  out_deleted bigint NOT NULL,
  out_failed bigint NOT NULL,
  matched bigint NOT NULL,
  conflicts bigint NOT NULL,
  held_back bigint NOT NULL,
  started_ms bigint NOT NULL,
  last_ms bigint NOT NULL,
  PRIMARY KEY (account_id, session_id, link_id)
);

CREATE TABLE session_event (
  account_id bigint NOT NULL,
  session_id bigint NOT NULL,
  link_id bigint NOT NULL,
  kind bigint NOT NULL,
  item_id bigint NOT NULL,
  revision bigint NOT NULL,
  how bigint NOT NULL,
  at_ms bigint NOT NULL,
  PRIMARY KEY (account_id, session_id, link_id, kind, item_id, revision)
);

-- Large objects in pieces; start_byte is the piece's place in the object.
CREATE TABLE chunk (
  account_id bigint NOT NULL,
  link_id bigint NOT NULL,
  dir text NOT NULL,
  start_byte bigint NOT NULL,
  at_ms bigint NOT NULL,
  bytes bytea NOT NULL,
  PRIMARY KEY (account_id, link_id, dir, start_byte)
);

-- Work that is due ----------------------------------------------------------

-- The next alarm of each item that has one. The bucket is made of the account:
-- nodes lease buckets.
CREATE TABLE alarm_next (
  account_id bigint NOT NULL,
  item_id bigint NOT NULL,
  bucket bigint NOT NULL,
  due_ms bigint NOT NULL,
  PRIMARY KEY (account_id, item_id)
);
CREATE INDEX alarm_next_due ON alarm_next (bucket, due_ms);

-- The outbox, and what became of it. delivery_id is a hash of what makes a
-- message unique: account, item, recurrence, instant, channel, address.
-- next_ms NULL: settled. Codes: enum store_delivery_kind and
-- store_delivery_state in backends/store_alarm.h.
CREATE TABLE delivery (
  account_id bigint NOT NULL,
  delivery_id text NOT NULL,
  bucket bigint NOT NULL,
  kind bigint NOT NULL,
  item_id bigint NOT NULL,
  recurrence text NOT NULL,
  alarm text NOT NULL,
  due_ms bigint NOT NULL,
  start_ms bigint NOT NULL,
  channel text NOT NULL,
  address text NOT NULL,
  late bigint NOT NULL,
  state bigint NOT NULL,
  reason text NOT NULL,
  text text NOT NULL,
  written_ms bigint NOT NULL,
  next_ms bigint,
  sent_ms bigint NOT NULL,
  receipt_ms bigint NOT NULL,
  attempts bigint NOT NULL,
  PRIMARY KEY (account_id, delivery_id)
);
CREATE INDEX delivery_next
  ON delivery (bucket, channel, next_ms) WHERE next_ms IS NOT NULL;
CREATE INDEX delivery_written ON delivery (account_id, written_ms);

-- Stanzas that came in: once more is no news.
CREATE TABLE reminder_seen (
  account_id bigint NOT NULL,
  seen_key text NOT NULL,
  at_ms bigint NOT NULL,
  PRIMARY KEY (account_id, seen_key)
);

-- Accounts whose items changed since their devices were looked at, where one of
-- them wants to be told.
CREATE TABLE push_due (
  account_id bigint NOT NULL,
  bucket bigint NOT NULL,
  due_ms bigint NOT NULL,
  PRIMARY KEY (account_id)
);
CREATE INDEX push_due_due ON push_due (bucket, due_ms);

-- How a device is told that there is something to sync. ways: the rest, in
-- words of server/push. secret: sealed. last_no, last_ms: of its last notice;
-- tries: notices since the last sync that went well. day_n messages left in the
-- 24 hours from day_ms on.
CREATE TABLE push_device (
  account_id bigint NOT NULL,
  device_id bigint NOT NULL,
  channel text NOT NULL,
  address text NOT NULL,
  ways text NOT NULL,
  secret bytea NOT NULL,
  last_no bigint NOT NULL,
  last_ms bigint NOT NULL,
  tries bigint NOT NULL,
  day_ms bigint NOT NULL,
  day_n bigint NOT NULL,
  PRIMARY KEY (account_id, device_id)
);

-- What devices were told, one row for each database of a notice; its message is
-- a row of delivery. session_id 0: none has answered it yet. Codes of answer:
-- enum store_notice_answer in backends/store_push.h.
CREATE TABLE notice (
  account_id bigint NOT NULL,
  device_id bigint NOT NULL,
  notice_no bigint NOT NULL,
  collection_id bigint NOT NULL,
  delivery_id text NOT NULL,
  event_ms bigint NOT NULL,
  queued_ms bigint NOT NULL,
  session_id bigint NOT NULL,
  started_ms bigint NOT NULL,
  answer bigint NOT NULL,
  PRIMARY KEY (account_id, device_id, notice_no, collection_id)
);
CREATE INDEX notice_queued ON notice (account_id, queued_ms);

CREATE TABLE setting (
  account_id bigint NOT NULL,
  key text NOT NULL,
  value text NOT NULL,
  PRIMARY KEY (account_id, key)
);

-- Mail ----------------------------------------------------------------------

-- A folder is a collection; what lies there is a mirror of the part of it that
-- devices may see. Codes: backends/store_mail.h.
CREATE TABLE mail_folder (
  account_id bigint NOT NULL,
  collection_id bigint NOT NULL,
  name text NOT NULL,
  role bigint NOT NULL,
  uidvalidity bigint NOT NULL,
  uidnext bigint NOT NULL,
  highestmodseq bigint NOT NULL,
  seen_ms bigint NOT NULL,
  PRIMARY KEY (account_id, collection_id)
);

-- What IMAP said last of each message. item_id 0: it is not mirrored.
CREATE TABLE mail_place (
  account_id bigint NOT NULL,
  collection_id bigint NOT NULL,
  uid bigint NOT NULL,
  item_id bigint NOT NULL,
  flags bigint NOT NULL,
  modseq bigint NOT NULL,
  size bigint NOT NULL,
  PRIMARY KEY (account_id, collection_id, uid)
);
CREATE INDEX mail_place_item
  ON mail_place (account_id, item_id) WHERE item_id > 0;

-- The bytes of a mail, which never change; its item's body is the head only.
CREATE TABLE mail_body (
  account_id bigint NOT NULL,
  item_id bigint NOT NULL,
  whole bigint NOT NULL,
  bytes bytea NOT NULL,
  PRIMARY KEY (account_id, item_id)
);

-- What is to be done at IMAP and SMTP, and what became of it. effect_id is made
-- of what makes it unique. next_ms NULL: settled.
CREATE TABLE mail_effect (
  account_id bigint NOT NULL,
  effect_id text NOT NULL,
  bucket bigint NOT NULL,
  what bigint NOT NULL,
  item_id bigint NOT NULL,
  collection_id bigint NOT NULL,
  to_id bigint NOT NULL,
  flags_on bigint NOT NULL,
  flags_off bigint NOT NULL,
  want_bytes bigint NOT NULL,
  message_id bytea NOT NULL,
  device_id bigint NOT NULL,
  state bigint NOT NULL,
  reason text NOT NULL,
  written_ms bigint NOT NULL,
  next_ms bigint,
  attempts bigint NOT NULL,
  PRIMARY KEY (account_id, effect_id)
);
CREATE INDEX mail_effect_next
  ON mail_effect (bucket, next_ms) WHERE next_ms IS NOT NULL;
CREATE INDEX mail_effect_item
  ON mail_effect (account_id, item_id) WHERE next_ms IS NOT NULL;
CREATE INDEX mail_effect_written ON mail_effect (account_id, written_ms);

-- The account's mailbox. next_ms NULL: nobody looks into it.
CREATE TABLE mail_login (
  account_id bigint NOT NULL PRIMARY KEY,
  bucket bigint NOT NULL,
  enabled bigint NOT NULL,
  host text NOT NULL,
  port bigint NOT NULL,
  security bigint NOT NULL,
  "user" bytea NOT NULL,
  master bigint NOT NULL,
  sealed bytea NOT NULL,
  addresses text NOT NULL,
  days bigint NOT NULL,
  count bigint NOT NULL,
  cap bigint NOT NULL,
  health bigint NOT NULL,
  why text NOT NULL,
  last_ms bigint NOT NULL,
  next_ms bigint,
  fails bigint NOT NULL
);
CREATE INDEX mail_login_next
  ON mail_login (bucket, next_ms) WHERE next_ms IS NOT NULL;

-- Storage ------------------------------------------------------------------

-- Rewritten with every message: room on the page for the next version of a
-- row, so that its indexes need not hear of it. What lives for a day is not
-- worth compressing.
ALTER TABLE account SET (fillfactor = 50);
ALTER TABLE device SET (fillfactor = 70);
ALTER TABLE link SET (fillfactor = 50);
ALTER TABLE session SET (fillfactor = 50);
ALTER TABLE session_store SET (fillfactor = 70);
ALTER TABLE session_state SET (fillfactor = 50);
ALTER TABLE answer SET (fillfactor = 50);
ALTER TABLE session_state ALTER COLUMN state SET STORAGE EXTERNAL;
ALTER TABLE answer ALTER COLUMN bytes SET STORAGE EXTERNAL;
ALTER TABLE chunk ALTER COLUMN bytes SET STORAGE EXTERNAL;
ALTER TABLE mail_body ALTER COLUMN bytes SET STORAGE EXTERNAL;
