-- the daemons that serve this database, or did
-- since: 7
SELECT name, version, schema, started, last_seen, stopped
FROM report_nodes
WHERE last_seen >= $1
ORDER BY last_seen DESC, name
