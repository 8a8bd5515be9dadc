BEGIN TRANSACTION;
CREATE TABLE blobs (
	blob_id TEXT NOT NULL, 
	size BIGINT NOT NULL, 
	kept_at FLOAT NOT NULL, 
	content BLOB NOT NULL, 
	PRIMARY KEY (blob_id)
);
INSERT INTO "blobs" VALUES('a',7,1.79528038319460392e+09,X'636F6E74656E74');
CREATE TABLE deliveries (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	"key" TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	event TEXT NOT NULL, 
	received_at FLOAT NOT NULL, 
	dispatched_at FLOAT, 
	UNIQUE ("key")
);
INSERT INTO "deliveries" VALUES(1,'waiting','subject','{"event": "push"}',1.79528038313077712056e+09,NULL);
INSERT INTO "deliveries" VALUES(2,'done','subject','{}',1.79528038313782572748e+09,1.79528038315104031567e+09);
CREATE TABLE facts (
	name TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "facts" VALUES('bot_user_id','7');
CREATE TABLE parked_jobs (
	job_id TEXT NOT NULL, 
	job TEXT NOT NULL, 
	why TEXT NOT NULL, 
	parked_at FLOAT NOT NULL, 
	PRIMARY KEY (job_id)
);
INSERT INTO "parked_jobs" VALUES('1-aa:1:publish','{"kind": "publish"}','why',1.79528038318597173692e+09);
CREATE TABLE publications (
	project_id BIGINT NOT NULL, 
	branch TEXT NOT NULL, 
	sha TEXT NOT NULL, 
	source_sha TEXT NOT NULL, 
	state TEXT NOT NULL, 
	pipeline_id BIGINT, 
	number BIGINT, 
	digest TEXT, 
	image TEXT, 
	updated_at FLOAT NOT NULL, 
	PRIMARY KEY (project_id, branch, sha)
);
INSERT INTO "publications" VALUES(1,'main','cccccccccccccccccccccccccccccccccccccccc','bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb','published',5,3,'sha256:1',NULL,1.79528038316277503963e+09);
CREATE INDEX deliveries_waiting ON deliveries (seq) WHERE dispatched_at IS NULL;
CREATE INDEX deliveries_subject ON deliveries (subject, seq);
CREATE INDEX publications_sha ON publications (project_id, sha);
CREATE INDEX ix_blobs_kept_at ON blobs (kept_at);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('deliveries',2);
COMMIT;
