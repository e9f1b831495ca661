-- The roles besides the owner of the tables. Run it as the owner, in the
-- database, after `funicular migrate`; once more after each migration does no
-- harm. The owner needs CREATEROLE for the first time, or a superuser makes the
-- two roles before.
--
--   psql -d funicular -f schema/postgres/roles.sql
--
--   funicular_daemon  reads and writes rows; cannot change a table
--   funicular_report  reads the report views, not the tables, and not the views
--                     ending in _detail, which show people's own words
--
-- They are groups: give them to those who log in, such as
--   CREATE ROLE funicular LOGIN IN ROLE funicular_daemon;
--   CREATE ROLE grafana LOGIN IN ROLE funicular_report;

DO $$
BEGIN
  IF to_regrole('funicular_daemon') IS NULL THEN
    CREATE ROLE funicular_daemon NOLOGIN;
  END IF;
  IF to_regrole('funicular_report') IS NULL THEN
    CREATE ROLE funicular_report NOLOGIN;
  END IF;
END $$;

DO $$
DECLARE
  t record;
  room text := quote_ident(current_schema());
BEGIN
  EXECUTE format('GRANT USAGE ON SCHEMA %s TO funicular_daemon,'
    ' funicular_report', room);
  FOR t IN SELECT name FROM table_class LOOP
    EXECUTE format('GRANT SELECT ON %I TO funicular_daemon', t.name);
    IF t.name NOT IN ('migration', 'table_class') THEN
      EXECUTE format('GRANT INSERT, UPDATE, DELETE ON %I TO funicular_daemon',
        t.name);
    END IF;
  END LOOP;
  FOR t IN SELECT relname AS name FROM pg_class
    WHERE relkind = 'v' AND relname LIKE 'report\_%'
      AND relname NOT LIKE '%\_detail' AND pg_table_is_visible(oid)
  LOOP
    EXECUTE format('GRANT SELECT ON %I TO funicular_report, funicular_daemon',
      t.name);
  END LOOP;
END $$;
