-- why devices were made to sync otherwise than they asked
-- since: 30
SELECT why, asked, done, count(*) AS syncs,
  count(DISTINCT device) AS devices, max(started) AS last
FROM report_session_stores
WHERE forced = 1 AND started >= $1
GROUP BY why, asked, done
ORDER BY syncs DESC, why, asked, done
