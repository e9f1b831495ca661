-- Split every account and work table by a hash of the account: the proof that
-- the schema is fit to be sharded, on plain PostgreSQL. The tests run the whole
-- store suite on it (docs/scaling.md). For a database without traffic.
--
-- LIKE copies columns, defaults and checks; keys and indexes come with it, and
-- PostgreSQL refuses a primary key or unique index without the account in it.
-- Views are made anew, since they belong to the tables they were made on.
DO $$
DECLARE
  t record;
  v record;
BEGIN
  CREATE TEMP TABLE kept_view ON COMMIT DROP AS
    SELECT c.oid, c.relname, pg_get_viewdef(c.oid) AS def
    FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'v';
  FOR v IN SELECT relname FROM kept_view LOOP
    EXECUTE format('DROP VIEW IF EXISTS %I CASCADE', v.relname);
  END LOOP;
  FOR t IN SELECT name FROM table_class WHERE class IN ('account', 'work')
  LOOP
    EXECUTE format('ALTER TABLE %I RENAME TO %I', t.name, 'whole_' || t.name);
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)'
                   ' PARTITION BY HASH (account_id)',
                   t.name, 'whole_' || t.name);
    FOR i IN 0..3 LOOP
      EXECUTE format('CREATE TABLE %I PARTITION OF %I'
                     ' FOR VALUES WITH (MODULUS 4, REMAINDER %s)',
                     t.name || '_' || i, t.name, i);
    END LOOP;
    EXECUTE format('INSERT INTO %I SELECT * FROM %I',
                   t.name, 'whole_' || t.name);
    EXECUTE format('DROP TABLE %I', 'whole_' || t.name);
  END LOOP;
  FOR v IN SELECT relname, def FROM kept_view ORDER BY oid LOOP
    EXECUTE format('CREATE VIEW %I AS %s', v.relname, v.def);
  END LOOP;
END $$;
