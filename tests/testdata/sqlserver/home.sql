-- BEGIN
SAVE TRANSACTION [p1]
UPDATE postings SET amount = @p1
SAVE TRANSACTION [p2]
ROLLBACK TRANSACTION [p2]
SELECT CASE WHEN XACT_STATE() = 1 THEN 1 ELSE 0 END
SELECT COUNT(*) FROM (VALUES (OBJECT_ID(N'dtde_decisions', N'U'))) AS t (id) WHERE id IS NOT NULL
SELECT DATEDIFF_BIG(MILLISECOND, '1970-01-01', SYSUTCDATETIME()) + 3600000
INSERT INTO dtde_decisions (txid, state, participants, deadline) SELECT @p1, 'committed', @p2, @p3 WHERE DATEDIFF_BIG(MILLISECOND, '1970-01-01', SYSUTCDATETIME()) < @p4
-- COMMIT
SELECT COUNT(*) FROM (VALUES (OBJECT_ID(N'dtde_decisions', N'U'))) AS t (id) WHERE id IS NOT NULL
IF OBJECT_ID(N'dtde_decisions', N'U') IS NULL CREATE TABLE dtde_decisions (txid nvarchar(64) COLLATE Latin1_General_100_BIN2 NOT NULL PRIMARY KEY, state nvarchar(16) COLLATE Latin1_General_100_BIN2 NOT NULL CHECK (state IN ('committed', 'aborted')), participants nvarchar(max) COLLATE Latin1_General_100_BIN2 NOT NULL, deadline bigint NOT NULL, note nvarchar(200) NOT NULL DEFAULT '')
INSERT INTO dtde_decisions (txid, state, participants, deadline, note) SELECT '', 'committed', @p1, DATEDIFF_BIG(MILLISECOND, '1970-01-01', SYSUTCDATETIME()), 'the name of the program' WHERE NOT EXISTS (SELECT 1 FROM dtde_decisions WITH (UPDLOCK, HOLDLOCK) WHERE txid = '')
SELECT participants FROM dtde_decisions WHERE txid = ''
INSERT INTO dtde_decisions (txid, state, participants, deadline) SELECT @p1, 'aborted', '', DATEDIFF_BIG(MILLISECOND, '1970-01-01', SYSUTCDATETIME()) + 3600000 WHERE NOT EXISTS (SELECT 1 FROM dtde_decisions WITH (UPDLOCK, HOLDLOCK) WHERE txid = @p1)
SELECT state FROM dtde_decisions WHERE txid = @p1
MERGE dtde_decisions WITH (HOLDLOCK) AS d USING (SELECT @p1 AS txid, @p2 AS state) AS s ON d.txid = s.txid WHEN MATCHED THEN UPDATE SET note = 'forced over ' + d.state + ' at ' + CONVERT(nvarchar(33), SYSUTCDATETIME(), 126), state = s.state WHEN NOT MATCHED THEN INSERT (txid, state, participants, deadline, note) VALUES (s.txid, s.state, '', DATEDIFF_BIG(MILLISECOND, '1970-01-01', SYSUTCDATETIME()) + 3600000, 'forced over nothing at ' + CONVERT(nvarchar(33), SYSUTCDATETIME(), 126));
SELECT txid, participants FROM dtde_decisions WHERE state = 'committed' AND note = '' AND deadline < DATEDIFF_BIG(MILLISECOND, '1970-01-01', SYSUTCDATETIME())
DELETE FROM dtde_decisions WHERE txid = @p1 AND note = ''
DELETE FROM dtde_decisions WHERE state = 'aborted' AND note = '' AND deadline < DATEDIFF_BIG(MILLISECOND, '1970-01-01', SYSUTCDATETIME()) - 86400000
