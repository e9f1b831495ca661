-- the largest contacts: mostly their photos
-- since: 36500
SELECT account, collection, item, size, created, modified
FROM report_items
WHERE deleted = 0 AND kind = 'contact' AND modified >= $1
ORDER BY size DESC, account, item
