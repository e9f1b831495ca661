-- what slow syncs found to be here already, and by what
-- since: 30
SELECT account, device, collection, matched_by, count(*) AS items,
  max(at) AS last
FROM report_matches
WHERE at >= $1
GROUP BY account, device, collection, matched_by
ORDER BY last DESC, account, device, collection, matched_by
