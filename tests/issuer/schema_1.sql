BEGIN TRANSACTION;
CREATE TABLE events (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	key_id VARCHAR(32), 
	workspace_id VARCHAR(32) NOT NULL, 
	change VARCHAR(10) NOT NULL, 
	created FLOAT NOT NULL, 
	receipt JSON, 
	FOREIGN KEY(key_id) REFERENCES keys (id), 
	FOREIGN KEY(workspace_id) REFERENCES workspaces (id)
);
INSERT INTO "events" VALUES(1,'k2','w1','revoked',1795612499.549,NULL);
CREATE TABLE keys (
	id VARCHAR(32) NOT NULL, 
	workspace_id VARCHAR(32) NOT NULL, 
	fingerprint BLOB NOT NULL, 
	prefix VARCHAR(16) NOT NULL, 
	last_four VARCHAR(4) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	scopes JSON, 
	is_default BOOLEAN NOT NULL, 
	status VARCHAR(10) NOT NULL, 
	created FLOAT NOT NULL, 
	expires FLOAT, 
	replaced_by VARCHAR(32), 
	PRIMARY KEY (id), 
	CONSTRAINT status_is_known CHECK (status IN ('active', 'disabled', 'revoked', 'rolled', 'expired')), 
	FOREIGN KEY(workspace_id) REFERENCES workspaces (id), 
	UNIQUE (fingerprint)
)
 WITHOUT ROWID

;
INSERT INTO "keys" VALUES('k1','w1',X'A62E10CBF8C01FB45CE9B52756DF9BB49FB5A35493240CAAACD7EC88D312F02C','rfk_aaaa','zzzz','Default key',NULL,1,'active',1.0,NULL,NULL);
INSERT INTO "keys" VALUES('k2','w1',X'5405F98FCF0E7E8C3C8AA5CA1451482221F3CCBAB523CEBA3B02490AF69DCD56','rfk_bbbb','yyyy','Old','["model:infer"]',0,'revoked',2.0,NULL,NULL);
CREATE TABLE meta (
	id INTEGER NOT NULL CONSTRAINT one_row CHECK (id = 1), 
	schema_version INTEGER NOT NULL, 
	epoch VARCHAR(36) NOT NULL, 
	longest_lease FLOAT NOT NULL, 
	outstanding BOOLEAN NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "meta" VALUES(1,1,'an-epoch',0.0,0);
CREATE TABLE owners (
	key_id VARCHAR(32) NOT NULL, 
	owner VARCHAR(200) NOT NULL, 
	PRIMARY KEY (key_id, owner), 
	FOREIGN KEY(key_id) REFERENCES keys (id)
);
CREATE TABLE tokens (
	id VARCHAR(32) NOT NULL, 
	fingerprint BLOB NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	created FLOAT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (fingerprint)
);
INSERT INTO "tokens" VALUES('t1',X'31823E3BA371DB00D17F3C45A6F496180B1C14EAB7655E206F7BD6D8D726A1B5','a validator',3.0);
CREATE TABLE uses (
	key_id VARCHAR(32) NOT NULL, 
	last_used FLOAT NOT NULL, 
	PRIMARY KEY (key_id), 
	FOREIGN KEY(key_id) REFERENCES keys (id)
);
CREATE TABLE workspaces (
	id VARCHAR(32) NOT NULL, 
	slug VARCHAR(100) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	status VARCHAR(10) NOT NULL, 
	created FLOAT NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT workspace_status_is_known CHECK (status IN ('active', 'suspended', 'deleted')), 
	UNIQUE (slug)
)
 WITHOUT ROWID

;
INSERT INTO "workspaces" VALUES('w1','acme','Acme','active',1.0);
CREATE INDEX ix_keys_expires ON keys (expires);
CREATE INDEX ix_keys_workspace_id ON keys (workspace_id);
CREATE INDEX ix_events_workspace_id ON events (workspace_id);
CREATE INDEX ix_events_key_id ON events (key_id);
CREATE INDEX events_pending ON events (seq) WHERE receipt IS NULL;
CREATE TRIGGER ended_stays_ended BEFORE UPDATE ON keys WHEN OLD.status IN ('revoked', 'rolled', 'expired') AND (NEW.status IS NOT OLD.status OR NEW.scopes IS NOT OLD.scopes OR NEW.expires IS NOT OLD.expires OR NEW.replaced_by IS NOT OLD.replaced_by) BEGIN SELECT RAISE(ABORT, 'ended_stays_ended'); END;
CREATE TRIGGER over_stays_over BEFORE UPDATE ON keys WHEN OLD.expires <= (julianday('now') - 2440587.5) * 86400.0 AND NEW.expires IS NOT OLD.expires BEGIN SELECT RAISE(ABORT, 'over_stays_over'); END;
CREATE TRIGGER keys_stay_what_they_are BEFORE UPDATE ON keys WHEN NEW.fingerprint IS NOT OLD.fingerprint OR NEW.id IS NOT OLD.id OR NEW.workspace_id IS NOT OLD.workspace_id BEGIN SELECT RAISE(ABORT, 'keys_stay_what_they_are'); END;
CREATE TRIGGER keys_are_kept BEFORE DELETE ON keys BEGIN SELECT RAISE(ABORT, 'keys_are_kept'); END;
CREATE TRIGGER keys_are_not_replaced BEFORE INSERT ON keys WHEN EXISTS (SELECT 1 FROM keys WHERE id = NEW.id OR fingerprint = NEW.fingerprint) BEGIN SELECT RAISE(ABORT, 'keys_are_not_replaced'); END;
CREATE TRIGGER keys_begin_active BEFORE INSERT ON keys WHEN NEW.status IN ('revoked', 'rolled', 'expired') BEGIN SELECT RAISE(ABORT, 'keys_begin_active'); END;
CREATE TRIGGER deleted_stays_deleted BEFORE UPDATE ON workspaces WHEN OLD.status = 'deleted' AND NEW.status <> 'deleted' BEGIN SELECT RAISE(ABORT, 'deleted_stays_deleted'); END;
CREATE TRIGGER workspaces_stay_what_they_are BEFORE UPDATE ON workspaces WHEN NEW.slug IS NOT OLD.slug OR NEW.id IS NOT OLD.id BEGIN SELECT RAISE(ABORT, 'workspaces_stay_what_they_are'); END;
CREATE TRIGGER workspaces_are_kept BEFORE DELETE ON workspaces BEGIN SELECT RAISE(ABORT, 'workspaces_are_kept'); END;
CREATE TRIGGER workspaces_are_not_replaced BEFORE INSERT ON workspaces WHEN EXISTS (SELECT 1 FROM workspaces WHERE id = NEW.id OR slug = NEW.slug) BEGIN SELECT RAISE(ABORT, 'workspaces_are_not_replaced'); END;
CREATE TRIGGER events_are_kept BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events_are_kept'); END;
CREATE TRIGGER events_are_not_replaced BEFORE INSERT ON events WHEN EXISTS (SELECT 1 FROM events WHERE seq = NEW.seq) BEGIN SELECT RAISE(ABORT, 'events_are_not_replaced'); END;
CREATE TRIGGER events_are_history BEFORE UPDATE ON events WHEN NEW.seq IS NOT OLD.seq OR NEW.key_id IS NOT OLD.key_id OR NEW.workspace_id IS NOT OLD.workspace_id OR NEW.change IS NOT OLD.change BEGIN SELECT RAISE(ABORT, 'events_are_history'); END;
CREATE TRIGGER key_changes_are_told AFTER UPDATE ON keys WHEN NEW.status IS NOT OLD.status OR NEW.scopes IS NOT OLD.scopes OR NEW.expires IS NOT OLD.expires OR NEW.replaced_by IS NOT OLD.replaced_by BEGIN INSERT INTO events (key_id, workspace_id, change, created) SELECT NEW.id, NEW.workspace_id, CASE WHEN NEW.status IS OLD.status THEN 'updated' WHEN NEW.status = 'active' THEN 'enabled' ELSE NEW.status END, (julianday('now') - 2440587.5) * 86400.0; END;
CREATE TRIGGER workspace_changes_are_told AFTER UPDATE ON workspaces WHEN NEW.status IS NOT OLD.status BEGIN INSERT INTO events (key_id, workspace_id, change, created) SELECT NULL, NEW.id, CASE NEW.status WHEN 'active' THEN 'enabled' ELSE 'suspended' END, (julianday('now') - 2440587.5) * 86400.0; END;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('events',1);
COMMIT;
