-- a seal
SELECT name FROM sys.check_constraints WHERE parent_object_id = OBJECT_ID(@p1) AND name LIKE @p2
ALTER TABLE "policies_2024_q1" WITH CHECK ADD CONSTRAINT "chk_version_sealed_sb8lc0_0_policies_2024_q1" CHECK ("valid_to" IS NOT NULL AND "valid_to" <= '2024-04-01T00:00:00+00:00')
SELECT name FROM sys.check_constraints WHERE parent_object_id = OBJECT_ID(@p1) AND name LIKE @p2
SELECT name FROM sys.check_constraints WHERE parent_object_id = OBJECT_ID(@p1) AND name LIKE @p2
-- BEGIN
UPDATE dtde_catalog SET number = number + 1 WHERE entity = '' AND kind = 'epoch' AND item = ''
SELECT name FROM sys.check_constraints WHERE parent_object_id = OBJECT_ID(@p1) AND name LIKE @p2
DELETE FROM dtde_catalog WHERE entity = @p1 AND kind = @p2 AND item = @p3
INSERT INTO dtde_catalog (entity, kind, item, value, number) SELECT @p1, @p2, @p3, @p4, @p5 WHERE NOT EXISTS (SELECT 1 FROM dtde_catalog WITH (UPDLOCK, HOLDLOCK) WHERE entity = @p1 AND kind = @p2 AND item = @p3)
-- COMMIT
SELECT entity, kind, item, value, number FROM dtde_catalog WHERE kind IN ('epoch', 'shard', 'placement', 'seal')

-- a later bound, in the earlier one's place
SELECT name FROM sys.check_constraints WHERE parent_object_id = OBJECT_ID(@p1) AND name LIKE @p2
ALTER TABLE "policies_2024_q1" WITH CHECK ADD CONSTRAINT "chk_version_sealed_scs5c0_0_policies_2024_q1" CHECK ("valid_to" IS NOT NULL AND "valid_to" <= '2024-05-01T00:00:00+00:00')
SELECT name FROM sys.check_constraints WHERE parent_object_id = OBJECT_ID(@p1) AND name LIKE @p2
SELECT name FROM sys.check_constraints WHERE parent_object_id = OBJECT_ID(@p1) AND name LIKE @p2
ALTER TABLE "policies_2024_q1" DROP CONSTRAINT "chk_version_sealed_sb8lc0_0_policies_2024_q1"
-- BEGIN
UPDATE dtde_catalog SET number = number + 1 WHERE entity = '' AND kind = 'epoch' AND item = ''
SELECT name FROM sys.check_constraints WHERE parent_object_id = OBJECT_ID(@p1) AND name LIKE @p2
DELETE FROM dtde_catalog WHERE entity = @p1 AND kind = @p2 AND item = @p3
INSERT INTO dtde_catalog (entity, kind, item, value, number) SELECT @p1, @p2, @p3, @p4, @p5 WHERE NOT EXISTS (SELECT 1 FROM dtde_catalog WITH (UPDLOCK, HOLDLOCK) WHERE entity = @p1 AND kind = @p2 AND item = @p3)
-- COMMIT
SELECT entity, kind, item, value, number FROM dtde_catalog WHERE kind IN ('epoch', 'shard', 'placement', 'seal')

-- a version that breaks it
SELECT name FROM sys.check_constraints WHERE parent_object_id = OBJECT_ID(@p1) AND name LIKE @p2
ALTER TABLE "policies_2024_q1" WITH CHECK ADD CONSTRAINT "chk_version_sealed_sb8lc0_0_policies_2024_q1" CHECK ("valid_to" IS NOT NULL AND "valid_to" <= '2024-04-01T00:00:00+00:00')
SELECT name FROM sys.check_constraints WHERE parent_object_id = OBJECT_ID(@p1) AND name LIKE @p2

-- opened again
-- BEGIN
UPDATE dtde_catalog SET number = number + 1 WHERE entity = '' AND kind = 'epoch' AND item = ''
DELETE FROM dtde_catalog WHERE entity = @p1 AND kind = @p2 AND item = @p3
-- COMMIT
SELECT entity, kind, item, value, number FROM dtde_catalog WHERE kind IN ('epoch', 'shard', 'placement', 'seal')
-- BEGIN
UPDATE dtde_catalog SET number = number + 1 WHERE entity = '' AND kind = 'epoch' AND item = ''
SELECT value FROM dtde_catalog WHERE entity = @p1 AND kind = 'seal' AND item = @p2
SELECT name FROM sys.check_constraints WHERE parent_object_id = OBJECT_ID(@p1) AND name LIKE @p2
ALTER TABLE "policies_2024_q1" DROP CONSTRAINT "chk_version_sealed_sb8lc0_0_policies_2024_q1"
-- COMMIT

