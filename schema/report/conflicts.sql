-- items that were edited on both sides, and who won
-- since: 30
SELECT at, account, device, collection, item, revision, winner
FROM report_conflicts
WHERE at >= $1
ORDER BY at DESC, account, item, revision
