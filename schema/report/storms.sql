-- slow syncs by day; storm: many of what had been in sync
-- since: 30
SELECT day, syncs, slow, first, forced, again, storm
FROM report_slow_syncs
WHERE day >= substr($1, 1, 10)
ORDER BY day DESC
