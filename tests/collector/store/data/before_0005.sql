BEGIN TRANSACTION;
CREATE TABLE activity (
	id INTEGER NOT NULL, 
	task_id VARCHAR NOT NULL, 
	person_id VARCHAR NOT NULL, 
	fence INTEGER NOT NULL, 
	at VARCHAR NOT NULL, 
	visible BOOLEAN NOT NULL, 
	playing BOOLEAN NOT NULL, 
	input BOOLEAN NOT NULL, 
	CONSTRAINT pk_activity PRIMARY KEY (id), 
	CONSTRAINT fk_activity_person_id_person FOREIGN KEY(person_id) REFERENCES person (id), 
	CONSTRAINT fk_activity_task_id_task FOREIGN KEY(task_id) REFERENCES task (id)
);
INSERT INTO "activity" VALUES(1,'task-b81efcadea025d6d08090b29','person-b2387571f2b055e1f00d9066',1,'2026-11-29T17:39:16.509094Z',1,0,1);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0004');
CREATE TABLE calibration (
	model_sha256 VARCHAR NOT NULL, 
	body TEXT NOT NULL, 
	fitted_at VARCHAR NOT NULL, 
	CONSTRAINT pk_calibration PRIMARY KEY (model_sha256)
);
INSERT INTO "calibration" VALUES('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','{"schema":1,"model":{"kind":"model","name":"yolox-nano","version":"1","sha256":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},"fitted_at":"2026-11-29T17:39:16.509094Z","pairs":4,"method":"identity","temperature":null,"intercept":0.0,"ends":[0.0,1.0],"classes":{"cup":{"method":"identity","pairs":2,"correct":1,"why":"2 pairs (1 right, 1 wrong) are too few for a curve of its own, which needs 200 with 20 of each; the score stays as it is, because all 4 pairs of the model are too few for a temperature, which needs 50 with 10 of each.","knots":[],"temperature":null,"intercept":0.0,"ends":[0.0,1.0]},"plate":{"method":"identity","pairs":2,"correct":0,"why":"2 pairs (0 right, 2 wrong) are too few for a curve of its own, which needs 200 with 20 of each; the score stays as it is, because all 4 pairs of the model are too few for a temperature, which needs 50 with 10 of each.","knots":[],"temperature":null,"intercept":0.0,"ends":[0.0,1.0]}},"before":{"ece":0.525,"pairs":4,"bins":[{"low":0.3,"high":0.4,"pairs":1,"score":0.3,"correct":1.0},{"low":0.4,"high":0.5,"pairs":1,"score":0.4,"correct":0.0},{"low":0.5,"high":0.6,"pairs":2,"score":0.5,"correct":0.0}]},"after":{"ece":0.525,"pairs":4,"bins":[{"low":0.3,"high":0.4,"pairs":1,"score":0.3,"correct":1.0},{"low":0.4,"high":0.5,"pairs":1,"score":0.4,"correct":0.0},{"low":0.5,"high":0.6,"pairs":2,"score":0.5,"correct":0.0}]},"word_errors":{}}','2026-11-29T17:39:16.509094Z');
CREATE TABLE capture (
	id VARCHAR NOT NULL, 
	take_id VARCHAR NOT NULL, 
	session_id VARCHAR NOT NULL, 
	device_id VARCHAR NOT NULL, 
	medium VARCHAR NOT NULL, 
	sensor VARCHAR NOT NULL, 
	step VARCHAR NOT NULL, 
	attempt INTEGER NOT NULL, 
	consent VARCHAR NOT NULL, 
	complete BOOLEAN NOT NULL, 
	state VARCHAR NOT NULL, 
	manifest TEXT NOT NULL, 
	manifest_sha256 VARCHAR NOT NULL, 
	sha256 VARCHAR, 
	bytes BIGINT, 
	duration_us BIGINT, 
	frames INTEGER, 
	opened_us BIGINT NOT NULL, 
	wall_at VARCHAR NOT NULL, 
	received_at VARCHAR NOT NULL, 
	opened_at VARCHAR, 
	problem TEXT, 
	CONSTRAINT pk_capture PRIMARY KEY (id), 
	CONSTRAINT fk_capture_device_id_device FOREIGN KEY(device_id) REFERENCES device (id)
);
INSERT INTO "capture" VALUES('cap-35cf0ac34b5815746a903f58','take-b4238bea798314f6bcd9d481','ses-1fa43c3c1614547dad3b5619','dev-1','image','image-0','show-0',1,'con-1',1,'opened','{"schema": 1, "capture": "cap-35cf0ac34b5815746a903f58", "take": "take-b4238bea798314f6bcd9d481", "session": "ses-1fa43c3c1614547dad3b5619", "study": "kitchen", "step": "show-0", "attempt": 1, "device": "dev-1", "sensor": "image-0", "medium": "image", "format": {"container": "jpeg", "codec": "mjpeg", "media_type": "image/jpeg", "width": 160, "height": 120, "frame_rate": null, "sample_rate": null, "channels": null}, "consent": "con-1", "complete": true, "sha256": "d8de9471e6e69643cf93b75d5ba5efe82557fb64b9d2208f8f62a1da3d7e4f08", "bytes": 6, "duration_us": 400000, "frames": null, "opened_us": 1500, "wall": {"at": "2026-11-20T10:00:00.000000Z", "offset_us": null, "uncertainty_us": null}, "clock_map": [[0, 1500]], "counts": {"frames_dropped": 0, "audio_overruns": 0, "clock_steps": 0}, "parts": [{"name": "media", "sealed_sha256": "d8de9471e6e69643cf93b75d5ba5efe82557fb64b9d2208f8f62a1da3d7e4f08", "sealed_bytes": 6}]}','eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee','d8de9471e6e69643cf93b75d5ba5efe82557fb64b9d2208f8f62a1da3d7e4f08',6,400000,NULL,1500,'2026-11-20T10:00:00.000000Z','2026-11-29T17:39:15.969505Z','2026-11-29T17:39:15.969513Z',NULL);
INSERT INTO "capture" VALUES('cap-130f2f8e6805e3d6917bb431','take-680c378f8368ff2d62403155','ses-1fa43c3c1614547dad3b5619','dev-1','image','image-0','show-1',1,'con-1',1,'opened','{"schema": 1, "capture": "cap-130f2f8e6805e3d6917bb431", "take": "take-680c378f8368ff2d62403155", "session": "ses-1fa43c3c1614547dad3b5619", "study": "kitchen", "step": "show-1", "attempt": 1, "device": "dev-1", "sensor": "image-0", "medium": "image", "format": {"container": "jpeg", "codec": "mjpeg", "media_type": "image/jpeg", "width": 160, "height": 120, "frame_rate": null, "sample_rate": null, "channels": null}, "consent": "con-1", "complete": true, "sha256": "63b8b2a9965353cc81c3d8e2662f90fdf6b8e413c927263b2558f0094aa71042", "bytes": 6, "duration_us": 400000, "frames": null, "opened_us": 60001500, "wall": {"at": "2026-11-20T10:01:00.000000Z", "offset_us": null, "uncertainty_us": null}, "clock_map": [[0, 60001500]], "counts": {"frames_dropped": 0, "audio_overruns": 0, "clock_steps": 0}, "parts": [{"name": "media", "sealed_sha256": "63b8b2a9965353cc81c3d8e2662f90fdf6b8e413c927263b2558f0094aa71042", "sealed_bytes": 6}]}','eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee','63b8b2a9965353cc81c3d8e2662f90fdf6b8e413c927263b2558f0094aa71042',6,400000,NULL,60001500,'2026-11-20T10:01:00.000000Z','2026-11-29T17:39:16.062254Z','2026-11-29T17:39:16.062261Z',NULL);
INSERT INTO "capture" VALUES('cap-bed29ba3319af88e3316fa0c','take-de8a88603a812c3367743aae','ses-1fa43c3c1614547dad3b5619','dev-1','image','image-0','show-2',1,'con-1',1,'opened','{"schema": 1, "capture": "cap-bed29ba3319af88e3316fa0c", "take": "take-de8a88603a812c3367743aae", "session": "ses-1fa43c3c1614547dad3b5619", "study": "kitchen", "step": "show-2", "attempt": 1, "device": "dev-1", "sensor": "image-0", "medium": "image", "format": {"container": "jpeg", "codec": "mjpeg", "media_type": "image/jpeg", "width": 160, "height": 120, "frame_rate": null, "sample_rate": null, "channels": null}, "consent": "con-1", "complete": true, "sha256": "25fedd7e4fae230912b02ea77b2504373c96542f331ed2f5f992a752d55231ec", "bytes": 6, "duration_us": 400000, "frames": null, "opened_us": 120001500, "wall": {"at": "2026-11-20T10:02:00.000000Z", "offset_us": null, "uncertainty_us": null}, "clock_map": [[0, 120001500]], "counts": {"frames_dropped": 0, "audio_overruns": 0, "clock_steps": 0}, "parts": [{"name": "media", "sealed_sha256": "25fedd7e4fae230912b02ea77b2504373c96542f331ed2f5f992a752d55231ec", "sealed_bytes": 6}]}','eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee','25fedd7e4fae230912b02ea77b2504373c96542f331ed2f5f992a752d55231ec',6,400000,NULL,120001500,'2026-11-20T10:02:00.000000Z','2026-11-29T17:39:16.109501Z','2026-11-29T17:39:16.109509Z',NULL);
INSERT INTO "capture" VALUES('cap-2abe2fe24f92843ca5ca5cc0','take-3625b085f05cf57de957110d','ses-1fa43c3c1614547dad3b5619','dev-1','image','image-0','show-3',1,'con-1',1,'opened','{"schema": 1, "capture": "cap-2abe2fe24f92843ca5ca5cc0", "take": "take-3625b085f05cf57de957110d", "session": "ses-1fa43c3c1614547dad3b5619", "study": "kitchen", "step": "show-3", "attempt": 1, "device": "dev-1", "sensor": "image-0", "medium": "image", "format": {"container": "jpeg", "codec": "mjpeg", "media_type": "image/jpeg", "width": 160, "height": 120, "frame_rate": null, "sample_rate": null, "channels": null}, "consent": "con-1", "complete": true, "sha256": "1c6bf278c486efcaaf0e8b9d18ce3f2d7665297d92eb5654eb1b00d503adb701", "bytes": 6, "duration_us": 400000, "frames": null, "opened_us": 180001500, "wall": {"at": "2026-11-20T10:03:00.000000Z", "offset_us": null, "uncertainty_us": null}, "clock_map": [[0, 180001500]], "counts": {"frames_dropped": 0, "audio_overruns": 0, "clock_steps": 0}, "parts": [{"name": "media", "sealed_sha256": "1c6bf278c486efcaaf0e8b9d18ce3f2d7665297d92eb5654eb1b00d503adb701", "sealed_bytes": 6}]}','eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee','1c6bf278c486efcaaf0e8b9d18ce3f2d7665297d92eb5654eb1b00d503adb701',6,400000,NULL,180001500,'2026-11-20T10:03:00.000000Z','2026-11-29T17:39:16.132544Z','2026-11-29T17:39:16.132549Z',NULL);
INSERT INTO "capture" VALUES('cap-43c79bc39a1de5a50a3781c5','take-80643392199d308ecde48c43','ses-1fa43c3c1614547dad3b5619','dev-1','video','video-0','walk',1,'con-1',1,'opened','{"schema": 1, "capture": "cap-43c79bc39a1de5a50a3781c5", "take": "take-80643392199d308ecde48c43", "session": "ses-1fa43c3c1614547dad3b5619", "study": "kitchen", "step": "walk", "attempt": 1, "device": "dev-1", "sensor": "video-0", "medium": "video", "format": {"container": "matroska", "codec": "h264", "media_type": "video/x-matroska", "width": 160, "height": 120, "frame_rate": null, "sample_rate": null, "channels": null}, "consent": "con-1", "complete": true, "sha256": "7c152cd6ee31e99e4a2fb783f55f20e6dbcb9d01eed3b746cfbcebef82b39c88", "bytes": 3, "duration_us": 400000, "frames": 10, "opened_us": 240001500, "wall": {"at": "2026-11-20T10:04:00.000000Z", "offset_us": null, "uncertainty_us": null}, "clock_map": [[0, 240001500]], "counts": {"frames_dropped": 0, "audio_overruns": 0, "clock_steps": 0}, "parts": [{"name": "media", "sealed_sha256": "7c152cd6ee31e99e4a2fb783f55f20e6dbcb9d01eed3b746cfbcebef82b39c88", "sealed_bytes": 3}, {"name": "frames", "sealed_sha256": "7c152cd6ee31e99e4a2fb783f55f20e6dbcb9d01eed3b746cfbcebef82b39c88", "sealed_bytes": 3}]}','eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee','7c152cd6ee31e99e4a2fb783f55f20e6dbcb9d01eed3b746cfbcebef82b39c88',3,400000,10,240001500,'2026-11-20T10:04:00.000000Z','2026-11-29T17:39:16.177276Z','2026-11-29T17:39:16.177284Z',NULL);
INSERT INTO "capture" VALUES('cap-ce3d8b47a738faeab518b0a9','take-80643392199d308ecde48c43','ses-1fa43c3c1614547dad3b5619','dev-1','audio','audio-0','walk',1,'con-1',1,'opened','{"schema": 1, "capture": "cap-ce3d8b47a738faeab518b0a9", "take": "take-80643392199d308ecde48c43", "session": "ses-1fa43c3c1614547dad3b5619", "study": "kitchen", "step": "walk", "attempt": 1, "device": "dev-1", "sensor": "audio-0", "medium": "audio", "format": {"container": "flac", "codec": "flac", "media_type": "audio/flac", "width": null, "height": null, "frame_rate": null, "sample_rate": 16000, "channels": 1}, "consent": "con-1", "complete": true, "sha256": "920ca0bde4744c77125c3118a1107af43930979aa2cbc70d1dd6b1ca442c7703", "bytes": 4, "duration_us": 400000, "frames": null, "opened_us": 240001500, "wall": {"at": "2026-11-20T10:04:00.000000Z", "offset_us": null, "uncertainty_us": null}, "clock_map": [[0, 240001500]], "counts": {"frames_dropped": 0, "audio_overruns": 0, "clock_steps": 0}, "parts": [{"name": "media", "sealed_sha256": "920ca0bde4744c77125c3118a1107af43930979aa2cbc70d1dd6b1ca442c7703", "sealed_bytes": 4}]}','eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee','920ca0bde4744c77125c3118a1107af43930979aa2cbc70d1dd6b1ca442c7703',4,400000,NULL,240001500,'2026-11-20T10:04:00.000000Z','2026-11-29T17:39:16.239593Z','2026-11-29T17:39:16.239601Z',NULL);
INSERT INTO "capture" VALUES('cap-a831ff977b06b3cab5ec3b6a','take-260698ce9f1c3dcbda18f4fe','ses-1fa43c3c1614547dad3b5619','dev-1','audio','audio-0','say',1,'con-1',1,'opened','{"schema": 1, "capture": "cap-a831ff977b06b3cab5ec3b6a", "take": "take-260698ce9f1c3dcbda18f4fe", "session": "ses-1fa43c3c1614547dad3b5619", "study": "kitchen", "step": "say", "attempt": 1, "device": "dev-1", "sensor": "audio-0", "medium": "audio", "format": {"container": "flac", "codec": "flac", "media_type": "audio/flac", "width": null, "height": null, "frame_rate": null, "sample_rate": 16000, "channels": 1}, "consent": "con-1", "complete": true, "sha256": "04fc212ee0e6bcecdc4c2f2104c9b29654cc53c201ee4b1cbba0be8968c09b18", "bytes": 6, "duration_us": 400000, "frames": null, "opened_us": 300001500, "wall": {"at": "2026-11-20T10:05:00.000000Z", "offset_us": null, "uncertainty_us": null}, "clock_map": [[0, 300001500]], "counts": {"frames_dropped": 0, "audio_overruns": 0, "clock_steps": 0}, "parts": [{"name": "media", "sealed_sha256": "04fc212ee0e6bcecdc4c2f2104c9b29654cc53c201ee4b1cbba0be8968c09b18", "sealed_bytes": 6}]}','eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee','04fc212ee0e6bcecdc4c2f2104c9b29654cc53c201ee4b1cbba0be8968c09b18',6,400000,NULL,300001500,'2026-11-20T10:05:00.000000Z','2026-11-29T17:39:16.282737Z','2026-11-29T17:39:16.282743Z',NULL);
INSERT INTO "capture" VALUES('cap-813af157116363d38ed668af','take-948953de7d151e44ca383b8b','ses-1fa43c3c1614547dad3b5619','dev-1','text','text-0','answer',1,'con-1',1,'opened','{"schema": 1, "capture": "cap-813af157116363d38ed668af", "take": "take-948953de7d151e44ca383b8b", "session": "ses-1fa43c3c1614547dad3b5619", "study": "kitchen", "step": "answer", "attempt": 1, "device": "dev-1", "sensor": "text-0", "medium": "text", "format": {"container": "plain", "codec": "utf-8", "media_type": "text/plain", "width": null, "height": null, "frame_rate": null, "sample_rate": null, "channels": null}, "consent": "con-1", "complete": true, "sha256": "a38931bb13397e8490d3109a03ccfab7d35800b8a044b3d27fb9c11da01ad4b5", "bytes": 16, "duration_us": 400000, "frames": null, "opened_us": 360001500, "wall": {"at": "2026-11-20T10:06:00.000000Z", "offset_us": null, "uncertainty_us": null}, "clock_map": [[0, 360001500]], "counts": {"frames_dropped": 0, "audio_overruns": 0, "clock_steps": 0}, "parts": [{"name": "media", "sealed_sha256": "a38931bb13397e8490d3109a03ccfab7d35800b8a044b3d27fb9c11da01ad4b5", "sealed_bytes": 16}]}','eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee','a38931bb13397e8490d3109a03ccfab7d35800b8a044b3d27fb9c11da01ad4b5',16,400000,NULL,360001500,'2026-11-20T10:06:00.000000Z','2026-11-29T17:39:16.315540Z','2026-11-29T17:39:16.322671Z',NULL);
INSERT INTO "capture" VALUES('cap-775319518c0350a8d73d4103','take-3893a25523dc1c22de0886b6','ses-1fa43c3c1614547dad3b5619','dev-1','audio','audio-0','torn',1,'con-1',1,'opened','{"schema": 1, "capture": "cap-775319518c0350a8d73d4103", "take": "take-3893a25523dc1c22de0886b6", "session": "ses-1fa43c3c1614547dad3b5619", "study": "kitchen", "step": "torn", "attempt": 1, "device": "dev-1", "sensor": "audio-0", "medium": "audio", "format": {"container": "flac", "codec": "flac", "media_type": "audio/flac", "width": null, "height": null, "frame_rate": null, "sample_rate": 16000, "channels": 1}, "consent": "con-1", "complete": true, "sha256": "373c49eee289add9d2addb120cc79f2c02b377d3c9daa7137893d14b9882d59d", "bytes": 6, "duration_us": 400000, "frames": null, "opened_us": 420001500, "wall": {"at": "2026-11-20T10:07:00.000000Z", "offset_us": null, "uncertainty_us": null}, "clock_map": [[0, 420001500]], "counts": {"frames_dropped": 0, "audio_overruns": 0, "clock_steps": 0}, "parts": [{"name": "media", "sealed_sha256": "373c49eee289add9d2addb120cc79f2c02b377d3c9daa7137893d14b9882d59d", "sealed_bytes": 6}]}','eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee','373c49eee289add9d2addb120cc79f2c02b377d3c9daa7137893d14b9882d59d',6,400000,NULL,420001500,'2026-11-20T10:07:00.000000Z','2026-11-29T17:39:16.363419Z','2026-11-29T17:39:16.363426Z',NULL);
CREATE TABLE category (
	id INTEGER NOT NULL, 
	word VARCHAR NOT NULL, 
	CONSTRAINT pk_category PRIMARY KEY (id), 
	CONSTRAINT uq_category_word UNIQUE (word)
);
INSERT INTO "category" VALUES(1,'cup');
INSERT INTO "category" VALUES(2,'plate');
INSERT INTO "category" VALUES(3,'person');
INSERT INTO "category" VALUES(4,'face');
CREATE TABLE derived (
	capture_id VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	blob VARCHAR NOT NULL, 
	bytes BIGINT NOT NULL, 
	media_type VARCHAR NOT NULL, 
	CONSTRAINT pk_derived PRIMARY KEY (capture_id, kind), 
	CONSTRAINT fk_derived_capture_id_capture FOREIGN KEY(capture_id) REFERENCES capture (id)
);
INSERT INTO "derived" VALUES('cap-35cf0ac34b5815746a903f58','original','d8de9471e6e69643cf93b75d5ba5efe82557fb64b9d2208f8f62a1da3d7e4f08',6,'image/jpeg');
INSERT INTO "derived" VALUES('cap-35cf0ac34b5815746a903f58','play','d8de9471e6e69643cf93b75d5ba5efe82557fb64b9d2208f8f62a1da3d7e4f08',6,'image/jpeg');
INSERT INTO "derived" VALUES('cap-130f2f8e6805e3d6917bb431','original','63b8b2a9965353cc81c3d8e2662f90fdf6b8e413c927263b2558f0094aa71042',6,'image/jpeg');
INSERT INTO "derived" VALUES('cap-130f2f8e6805e3d6917bb431','play','63b8b2a9965353cc81c3d8e2662f90fdf6b8e413c927263b2558f0094aa71042',6,'image/jpeg');
INSERT INTO "derived" VALUES('cap-bed29ba3319af88e3316fa0c','original','25fedd7e4fae230912b02ea77b2504373c96542f331ed2f5f992a752d55231ec',6,'image/jpeg');
INSERT INTO "derived" VALUES('cap-bed29ba3319af88e3316fa0c','play','25fedd7e4fae230912b02ea77b2504373c96542f331ed2f5f992a752d55231ec',6,'image/jpeg');
INSERT INTO "derived" VALUES('cap-2abe2fe24f92843ca5ca5cc0','original','1c6bf278c486efcaaf0e8b9d18ce3f2d7665297d92eb5654eb1b00d503adb701',6,'image/jpeg');
INSERT INTO "derived" VALUES('cap-2abe2fe24f92843ca5ca5cc0','play','1c6bf278c486efcaaf0e8b9d18ce3f2d7665297d92eb5654eb1b00d503adb701',6,'image/jpeg');
INSERT INTO "derived" VALUES('cap-43c79bc39a1de5a50a3781c5','original','7c152cd6ee31e99e4a2fb783f55f20e6dbcb9d01eed3b746cfbcebef82b39c88',3,'video/x-matroska');
INSERT INTO "derived" VALUES('cap-43c79bc39a1de5a50a3781c5','play','7c152cd6ee31e99e4a2fb783f55f20e6dbcb9d01eed3b746cfbcebef82b39c88',3,'video/x-matroska');
INSERT INTO "derived" VALUES('cap-43c79bc39a1de5a50a3781c5','frames','d56729747f0f018bce085ed995ac9032793d5cf2cfde493d3acb99d1e5016350',3,'video/x-matroska');
INSERT INTO "derived" VALUES('cap-ce3d8b47a738faeab518b0a9','original','920ca0bde4744c77125c3118a1107af43930979aa2cbc70d1dd6b1ca442c7703',4,'audio/flac');
INSERT INTO "derived" VALUES('cap-ce3d8b47a738faeab518b0a9','play','920ca0bde4744c77125c3118a1107af43930979aa2cbc70d1dd6b1ca442c7703',4,'audio/flac');
INSERT INTO "derived" VALUES('cap-a831ff977b06b3cab5ec3b6a','original','04fc212ee0e6bcecdc4c2f2104c9b29654cc53c201ee4b1cbba0be8968c09b18',6,'audio/flac');
INSERT INTO "derived" VALUES('cap-a831ff977b06b3cab5ec3b6a','play','04fc212ee0e6bcecdc4c2f2104c9b29654cc53c201ee4b1cbba0be8968c09b18',6,'audio/flac');
INSERT INTO "derived" VALUES('cap-813af157116363d38ed668af','original','a38931bb13397e8490d3109a03ccfab7d35800b8a044b3d27fb9c11da01ad4b5',16,'text/plain');
INSERT INTO "derived" VALUES('cap-813af157116363d38ed668af','play','a38931bb13397e8490d3109a03ccfab7d35800b8a044b3d27fb9c11da01ad4b5',16,'text/plain');
INSERT INTO "derived" VALUES('cap-775319518c0350a8d73d4103','original','373c49eee289add9d2addb120cc79f2c02b377d3c9daa7137893d14b9882d59d',6,'audio/flac');
INSERT INTO "derived" VALUES('cap-775319518c0350a8d73d4103','play','373c49eee289add9d2addb120cc79f2c02b377d3c9daa7137893d14b9882d59d',6,'audio/flac');
CREATE TABLE device (
	id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	model VARCHAR NOT NULL, 
	token_hash VARCHAR NOT NULL, 
	joined_at VARCHAR NOT NULL, 
	revoked_at VARCHAR, 
	last_seen_at VARCHAR, 
	heartbeat TEXT, 
	CONSTRAINT pk_device PRIMARY KEY (id), 
	CONSTRAINT uq_device_token_hash UNIQUE (token_hash)
);
INSERT INTO "device" VALUES('dev-1','cam','sim','x','2026-11-20T10:00:00.000000Z',NULL,NULL,NULL);
CREATE TABLE draft (
	task_id VARCHAR NOT NULL, 
	person_id VARCHAR NOT NULL, 
	fence INTEGER NOT NULL, 
	documents TEXT NOT NULL, 
	saved_at VARCHAR NOT NULL, 
	why VARCHAR NOT NULL, 
	CONSTRAINT pk_draft PRIMARY KEY (task_id, person_id, fence), 
	CONSTRAINT fk_draft_person_id_person FOREIGN KEY(person_id) REFERENCES person (id), 
	CONSTRAINT fk_draft_task_id_task FOREIGN KEY(task_id) REFERENCES task (id)
);
INSERT INTO "draft" VALUES('task-b81efcadea025d6d08090b29','person-b2387571f2b055e1f00d9066',1,'[{"schema":1,"capture":"cap-43c79bc39a1de5a50a3781c5","source":{"kind":"person","name":"lea"},"labels":[]}]','2026-11-29T17:39:16.509094Z','working');
CREATE TABLE export (
	id VARCHAR NOT NULL, 
	made_at VARCHAR NOT NULL, 
	format VARCHAR NOT NULL, 
	body TEXT NOT NULL, 
	CONSTRAINT pk_export PRIMARY KEY (id)
);
INSERT INTO "export" VALUES('exp-1','2026-11-01T00:00:00.000000Z','jsonl','{}');
CREATE TABLE instruction (
	type VARCHAR NOT NULL, 
	version INTEGER NOT NULL, 
	text TEXT NOT NULL, 
	first_used_at VARCHAR NOT NULL, 
	CONSTRAINT pk_instruction PRIMARY KEY (type, version)
);
INSERT INTO "instruction" VALUES('boxes',2,'Draw one box around each thing in the list, tight around the part you can see. If the picture cuts a thing off, draw its box up to the edge. If nothing is visible, submit with no boxes.','2026-11-29T17:39:15.853983Z');
INSERT INTO "instruction" VALUES('tracks',2,'Make one track per person or thing, from the first frame you can see it to the last. Set a keyframe where the box no longer fits. Where it leaves the picture, hide the track. Where something covers it, mark it covered.','2026-11-29T17:39:15.854480Z');
INSERT INTO "instruction" VALUES('speech',2,'Make one region per stretch of speech, from the first sound to the last; start a new one after a pause of half a second or more. Write what was really said, even if it differs from what was expected.','2026-11-29T17:39:15.854489Z');
INSERT INTO "instruction" VALUES('text',4,'Typed answer: check it against the question; correct the spelling only where the meaning stays the same. Spoken answer: write what was said, in the language that was spoken; leave it empty if nothing is usable. Text in a picture: write it exactly as shown, one field per piece; reject what is not text.','2026-11-29T17:39:15.854495Z');
CREATE TABLE job (
	id INTEGER NOT NULL, 
	kind VARCHAR NOT NULL, 
	"key" VARCHAR NOT NULL, 
	payload TEXT NOT NULL, 
	state VARCHAR NOT NULL, 
	attempts INTEGER NOT NULL, 
	not_before VARCHAR NOT NULL, 
	error TEXT, 
	created_at VARCHAR NOT NULL, 
	done_at VARCHAR, is_short BOOLEAN DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_job PRIMARY KEY (id), 
	CONSTRAINT uq_job_kind_key UNIQUE (kind, "key")
);
INSERT INTO "job" VALUES(1,'tasks','take-b4238bea798314f6bcd9d481','{}','waiting',0,'2026-11-29T17:39:15.989400Z',NULL,'2026-11-29T17:39:15.989400Z',NULL,0);
INSERT INTO "job" VALUES(2,'tasks','take-680c378f8368ff2d62403155','{}','waiting',0,'2026-11-29T17:39:16.080617Z',NULL,'2026-11-29T17:39:16.080617Z',NULL,0);
INSERT INTO "job" VALUES(3,'tasks','take-de8a88603a812c3367743aae','{}','waiting',0,'2026-11-29T17:39:16.130013Z',NULL,'2026-11-29T17:39:16.130013Z',NULL,0);
INSERT INTO "job" VALUES(4,'tasks','take-3625b085f05cf57de957110d','{}','waiting',0,'2026-11-29T17:39:16.134825Z',NULL,'2026-11-29T17:39:16.134825Z',NULL,0);
INSERT INTO "job" VALUES(5,'tasks','take-80643392199d308ecde48c43','{}','waiting',0,'2026-11-29T17:39:16.278653Z',NULL,'2026-11-29T17:39:16.278653Z',NULL,0);
INSERT INTO "job" VALUES(6,'tasks','take-260698ce9f1c3dcbda18f4fe','{}','waiting',0,'2026-11-29T17:39:16.290868Z',NULL,'2026-11-29T17:39:16.290868Z',NULL,0);
INSERT INTO "job" VALUES(7,'tasks','take-948953de7d151e44ca383b8b','{}','waiting',0,'2026-11-29T17:39:16.346350Z',NULL,'2026-11-29T17:39:16.346350Z',NULL,0);
INSERT INTO "job" VALUES(8,'prelabel','run-f741277db611b3176a54f61e:cap-35cf0ac34b5815746a903f58','{"model": "other", "sha256": "9999999999999999999999999999999999999999999999999999999999999999", "capture": "cap-35cf0ac34b5815746a903f58"}','waiting',0,'2026-11-29T17:39:16.538637Z',NULL,'2026-11-29T17:39:16.538637Z',NULL,0);
INSERT INTO "job" VALUES(9,'prelabel','run-f741277db611b3176a54f61e:cap-130f2f8e6805e3d6917bb431','{"model": "other", "sha256": "9999999999999999999999999999999999999999999999999999999999999999", "capture": "cap-130f2f8e6805e3d6917bb431"}','waiting',0,'2026-11-29T17:39:16.538637Z',NULL,'2026-11-29T17:39:16.538637Z',NULL,0);
INSERT INTO "job" VALUES(10,'prelabel','run-f741277db611b3176a54f61e:cap-bed29ba3319af88e3316fa0c','{"model": "other", "sha256": "9999999999999999999999999999999999999999999999999999999999999999", "capture": "cap-bed29ba3319af88e3316fa0c"}','waiting',0,'2026-11-29T17:39:16.538637Z',NULL,'2026-11-29T17:39:16.538637Z',NULL,0);
INSERT INTO "job" VALUES(11,'prelabel','run-f741277db611b3176a54f61e:cap-2abe2fe24f92843ca5ca5cc0','{"model": "other", "sha256": "9999999999999999999999999999999999999999999999999999999999999999", "capture": "cap-2abe2fe24f92843ca5ca5cc0"}','waiting',0,'2026-11-29T17:39:16.538637Z',NULL,'2026-11-29T17:39:16.538637Z',NULL,0);
CREATE TABLE join_code (
	code_hash VARCHAR NOT NULL, 
	created_at VARCHAR NOT NULL, 
	expires_at VARCHAR NOT NULL, 
	used_at VARCHAR, 
	device_id VARCHAR, 
	CONSTRAINT pk_join_code PRIMARY KEY (code_hash), 
	CONSTRAINT fk_join_code_device_id_device FOREIGN KEY(device_id) REFERENCES device (id)
);
CREATE TABLE labels_document (
	id INTEGER NOT NULL, 
	capture_id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	source_kind VARCHAR NOT NULL, 
	source_name VARCHAR NOT NULL, 
	source_sha256 VARCHAR, 
	body TEXT NOT NULL, 
	raw_sha256 VARCHAR NOT NULL, shown BOOLEAN DEFAULT '1' NOT NULL, 
	CONSTRAINT pk_labels_document PRIMARY KEY (id), 
	CONSTRAINT fk_labels_document_capture_id_capture FOREIGN KEY(capture_id) REFERENCES capture (id), 
	CONSTRAINT uq_labels_document_capture_id_name UNIQUE (capture_id, name)
);
INSERT INTO "labels_document" VALUES(1,'cap-35cf0ac34b5815746a903f58','model0','model','yolox-nano','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','{"schema": 1, "capture": "cap-35cf0ac34b5815746a903f58", "source": {"kind": "model", "name": "yolox-nano", "version": "1", "sha256": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}, "labels": [{"id": "b1", "label": "cup", "score": 0.3, "kind": "box", "x": 10.0, "y": 20.0, "width": 30.0, "height": 40.0}, {"id": "b2", "label": "plate", "score": 0.5, "kind": "box", "x": 80.0, "y": 20.0, "width": 30.0, "height": 40.0}]}','ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',1);
INSERT INTO "labels_document" VALUES(2,'cap-130f2f8e6805e3d6917bb431','model0','model','yolox-nano','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','{"schema": 1, "capture": "cap-130f2f8e6805e3d6917bb431", "source": {"kind": "model", "name": "yolox-nano", "version": "1", "sha256": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}, "labels": [{"id": "b1", "label": "cup", "score": 0.4, "kind": "box", "x": 10.0, "y": 20.0, "width": 30.0, "height": 40.0}, {"id": "b2", "label": "plate", "score": 0.5, "kind": "box", "x": 80.0, "y": 20.0, "width": 30.0, "height": 40.0}]}','ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',1);
INSERT INTO "labels_document" VALUES(3,'cap-bed29ba3319af88e3316fa0c','model0','model','yolox-nano','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','{"schema": 1, "capture": "cap-bed29ba3319af88e3316fa0c", "source": {"kind": "model", "name": "yolox-nano", "version": "1", "sha256": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}, "labels": [{"id": "b1", "label": "cup", "score": 0.5, "kind": "box", "x": 10.0, "y": 20.0, "width": 30.0, "height": 40.0}, {"id": "b2", "label": "plate", "score": 0.5, "kind": "box", "x": 80.0, "y": 20.0, "width": 30.0, "height": 40.0}]}','ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',0);
INSERT INTO "labels_document" VALUES(4,'cap-2abe2fe24f92843ca5ca5cc0','model0','model','yolox-nano','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','{"schema": 1, "capture": "cap-2abe2fe24f92843ca5ca5cc0", "source": {"kind": "model", "name": "yolox-nano", "version": "1", "sha256": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}, "labels": [{"id": "b1", "label": "cup", "score": 0.6, "kind": "box", "x": 10.0, "y": 20.0, "width": 30.0, "height": 40.0}, {"id": "b2", "label": "plate", "score": 0.5, "kind": "box", "x": 80.0, "y": 20.0, "width": 30.0, "height": 40.0}]}','ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',0);
INSERT INTO "labels_document" VALUES(5,'cap-43c79bc39a1de5a50a3781c5','model0','model','yolox-nano','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','{"schema": 1, "capture": "cap-43c79bc39a1de5a50a3781c5", "source": {"kind": "model", "name": "yolox-nano", "version": "1", "sha256": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}, "labels": [{"id": "t1", "label": "person", "score": 0.6, "kind": "track", "keyframes": [{"frame": 1, "start_us": 40000, "x": 4.0, "y": 5.0, "width": 20.0, "height": 30.0, "visible": true, "attributes": {}}, {"frame": 5, "start_us": 200000, "x": 20.0, "y": 5.0, "width": 20.0, "height": 30.0, "visible": true, "attributes": {}}]}]}','ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',1);
INSERT INTO "labels_document" VALUES(6,'cap-ce3d8b47a738faeab518b0a9','model0','model','silero-vad','bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb','{"schema": 1, "capture": "cap-ce3d8b47a738faeab518b0a9", "source": {"kind": "model", "name": "silero-vad", "version": "6", "sha256": "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"}, "labels": [{"id": "s1", "label": "speech", "score": 0.9, "kind": "interval", "start_us": 1000, "end_us": 200000}]}','ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',1);
INSERT INTO "labels_document" VALUES(7,'cap-a831ff977b06b3cab5ec3b6a','model0','model','silero-vad','bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb','{"schema": 1, "capture": "cap-a831ff977b06b3cab5ec3b6a", "source": {"kind": "model", "name": "silero-vad", "version": "6", "sha256": "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"}, "labels": [{"id": "s1", "label": "speech", "score": 0.9, "kind": "interval", "start_us": 1000, "end_us": 200000, "text": "hello there"}]}','ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',1);
INSERT INTO "labels_document" VALUES(8,'cap-bed29ba3319af88e3316fa0c','other-999999999999','model','other','9999999999999999999999999999999999999999999999999999999999999999','{"capture":"cap-bed29ba3319af88e3316fa0c","labels":[{"height":40,"id":"n1","kind":"box","label":"cup","score":0.7,"width":30,"x":10,"y":20}],"schema":1,"source":{"kind":"model","name":"other","sha256":"9999999999999999999999999999999999999999999999999999999999999999","version":"2"}}','d974fa3c1ceebc78ea4572c41cb7f5cd6b2ee51508c3564790c6af0c572822a4',1);
INSERT INTO "labels_document" VALUES(9,'cap-2abe2fe24f92843ca5ca5cc0','other-999999999999','model','other','9999999999999999999999999999999999999999999999999999999999999999','{"capture":"cap-2abe2fe24f92843ca5ca5cc0","labels":[{"height":40,"id":"n1","kind":"box","label":"cup","score":0.7,"width":30,"x":10,"y":20}],"schema":1,"source":{"kind":"model","name":"other","sha256":"9999999999999999999999999999999999999999999999999999999999999999","version":"2"}}','e0131bedeba71e4570f5528d002e002ea4f7599bbd4b29b055c3a428e2cf2484',1);
CREATE TABLE lease (
	task_id VARCHAR NOT NULL, 
	fence INTEGER NOT NULL, 
	person_id VARCHAR NOT NULL, 
	CONSTRAINT pk_lease PRIMARY KEY (task_id, fence), 
	CONSTRAINT fk_lease_person_id_person FOREIGN KEY(person_id) REFERENCES person (id), 
	CONSTRAINT fk_lease_task_id_task FOREIGN KEY(task_id) REFERENCES task (id)
);
INSERT INTO "lease" VALUES('task-49af57be1d90ab6e87d26e78',1,'person-c4530cd4e4f9511163d5b17a');
INSERT INTO "lease" VALUES('task-49af57be1d90ab6e87d26e78',2,'person-e849170a6ca2eef44443ff2f');
INSERT INTO "lease" VALUES('task-4199df3f3408095f55eb9e37',1,'person-b2387571f2b055e1f00d9066');
INSERT INTO "lease" VALUES('task-8f2d7ad277ca5529cfacc7b9',1,'person-c4530cd4e4f9511163d5b17a');
INSERT INTO "lease" VALUES('task-3a18234d5d0fc82705ae84a5',1,'person-b2387571f2b055e1f00d9066');
INSERT INTO "lease" VALUES('task-9051a395de9c6776971a5cb3',1,'person-b2387571f2b055e1f00d9066');
INSERT INTO "lease" VALUES('task-b81efcadea025d6d08090b29',1,'person-b2387571f2b055e1f00d9066');
CREATE TABLE look (
	id INTEGER NOT NULL, 
	person_id VARCHAR NOT NULL, 
	capture_id VARCHAR NOT NULL, 
	at VARCHAR NOT NULL, 
	why VARCHAR NOT NULL, 
	CONSTRAINT pk_look PRIMARY KEY (id), 
	CONSTRAINT fk_look_capture_id_capture FOREIGN KEY(capture_id) REFERENCES capture (id), 
	CONSTRAINT fk_look_person_id_person FOREIGN KEY(person_id) REFERENCES person (id)
);
CREATE TABLE manifest_conflict (
	id INTEGER NOT NULL, 
	capture_id VARCHAR NOT NULL, 
	device_id VARCHAR NOT NULL, 
	manifest TEXT NOT NULL, 
	manifest_sha256 VARCHAR NOT NULL, 
	received_at VARCHAR NOT NULL, 
	CONSTRAINT pk_manifest_conflict PRIMARY KEY (id), 
	CONSTRAINT fk_manifest_conflict_device_id_device FOREIGN KEY(device_id) REFERENCES device (id), 
	CONSTRAINT uq_manifest_conflict_capture_id_manifest_sha256 UNIQUE (capture_id, manifest_sha256)
);
CREATE TABLE person (
	id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	role VARCHAR NOT NULL, 
	created_at VARCHAR NOT NULL, 
	disabled_at VARCHAR, 
	CONSTRAINT pk_person PRIMARY KEY (id), 
	CONSTRAINT uq_person_name UNIQUE (name)
);
INSERT INTO "person" VALUES('person-c4530cd4e4f9511163d5b17a','ann','annotator','2026-11-29T17:39:15.896063Z',NULL);
INSERT INTO "person" VALUES('person-e849170a6ca2eef44443ff2f','bob','annotator','2026-11-29T17:39:15.921716Z',NULL);
INSERT INTO "person" VALUES('person-b2387571f2b055e1f00d9066','lea','lead','2026-11-29T17:39:15.922418Z',NULL);
CREATE TABLE prelabel_run (
	id VARCHAR NOT NULL, 
	model VARCHAR NOT NULL, 
	source TEXT NOT NULL, 
	asked TEXT NOT NULL, 
	captures INTEGER NOT NULL, 
	created_at VARCHAR NOT NULL, 
	CONSTRAINT pk_prelabel_run PRIMARY KEY (id)
);
INSERT INTO "prelabel_run" VALUES('run-f741277db611b3176a54f61e','other','{"kind": "model", "name": "other", "version": "2", "sha256": "9999999999999999999999999999999999999999999999999999999999999999"}','{"model": "other", "study": null, "step": null, "medium": null}',4,'2026-11-29T17:39:16.538566Z');
CREATE TABLE receipt (
	capture_id VARCHAR NOT NULL, 
	body TEXT NOT NULL, 
	CONSTRAINT pk_receipt PRIMARY KEY (capture_id), 
	CONSTRAINT fk_receipt_capture_id_capture FOREIGN KEY(capture_id) REFERENCES capture (id)
);
CREATE TABLE revision (
	id VARCHAR NOT NULL, 
	task_id VARCHAR NOT NULL, 
	number INTEGER NOT NULL, 
	person_id VARCHAR NOT NULL, 
	submit_uuid VARCHAR NOT NULL, 
	fence INTEGER NOT NULL, 
	submitted_at VARCHAR NOT NULL, 
	opened_at VARCHAR NOT NULL, 
	first_input_at VARCHAR, 
	active_ms INTEGER NOT NULL, 
	documents TEXT NOT NULL, 
	diff TEXT NOT NULL, 
	reply TEXT NOT NULL, 
	reason_kind VARCHAR NOT NULL, 
	probability FLOAT NOT NULL, 
	instruction_version INTEGER NOT NULL, 
	script_sha256 VARCHAR NOT NULL, 
	CONSTRAINT pk_revision PRIMARY KEY (id), 
	CONSTRAINT fk_revision_person_id_person FOREIGN KEY(person_id) REFERENCES person (id), 
	CONSTRAINT fk_revision_task_id_task FOREIGN KEY(task_id) REFERENCES task (id), 
	CONSTRAINT uq_revision_submit_uuid UNIQUE (submit_uuid), 
	CONSTRAINT uq_revision_task_id_number UNIQUE (task_id, number)
);
INSERT INTO "revision" VALUES('rev-cc4b73e0ccdff1ccdeab9859','task-49af57be1d90ab6e87d26e78',1,'person-c4530cd4e4f9511163d5b17a','a73fdcd6-4366-4bbc-a35d-9d366fe954b4',1,'2026-11-29T17:39:16.478383Z','2026-11-29T17:38:56.478383Z',NULL,20000,'[{"schema":1,"capture":"cap-35cf0ac34b5815746a903f58","source":{"kind":"person","name":"ann","version":null,"sha256":null},"labels":[{"id":"b1","label":"cup","score":0.3,"source":{"kind":"model","name":"yolox-nano","version":"1","sha256":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},"kind":"box","x":10.0,"y":20.0,"width":30.0,"height":40.0},{"id":"p1","label":"cup","score":null,"kind":"box","x":50.0,"y":20.0,"width":30.0,"height":40.0}]}]','{"cap-35cf0ac34b5815746a903f58":{"kept":1,"moved":0,"relabelled":0,"deleted":1,"added":1,"text_edits":0,"attributes":0,"changes":[{"id":"b2","change":"deleted","kind":"box","label":"plate"},{"id":"p1","change":"added","kind":"box","label":"cup"}]}}','{"now":"2026-11-29T17:39:16.478383Z","revision":"rev-cc4b73e0ccdff1ccdeab9859","diff":{"cap-35cf0ac34b5815746a903f58":{"kept":1,"moved":0,"relabelled":0,"deleted":1,"added":1,"text_edits":0,"attributes":0,"changes":[{"id":"b2","change":"deleted","kind":"box","label":"plate"},{"id":"p1","change":"added","kind":"box","label":"cup"}]}},"progress":{}}','random',0.1,2,'cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc');
INSERT INTO "revision" VALUES('rev-964fd4591ecf4a60049554a7','task-49af57be1d90ab6e87d26e78',2,'person-e849170a6ca2eef44443ff2f','40f5b016-0a99-4c64-bb56-4ce2b9068e42',2,'2026-11-29T17:39:16.486638Z','2026-11-29T17:38:56.486638Z',NULL,20000,'[{"schema":1,"capture":"cap-35cf0ac34b5815746a903f58","source":{"kind":"person","name":"bob","version":null,"sha256":null},"labels":[{"id":"b1","label":"cup","score":0.3,"source":{"kind":"model","name":"yolox-nano","version":"1","sha256":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},"kind":"box","x":10.0,"y":20.0,"width":30.0,"height":40.0}]}]','{"cap-35cf0ac34b5815746a903f58":{"kept":1,"moved":0,"relabelled":0,"deleted":1,"added":0,"text_edits":0,"attributes":0,"changes":[{"id":"b2","change":"deleted","kind":"box","label":"plate"}]}}','{"now":"2026-11-29T17:39:16.486638Z","revision":"rev-964fd4591ecf4a60049554a7","diff":{"cap-35cf0ac34b5815746a903f58":{"kept":1,"moved":0,"relabelled":0,"deleted":1,"added":0,"text_edits":0,"attributes":0,"changes":[{"id":"b2","change":"deleted","kind":"box","label":"plate"}]}},"progress":{}}','random',0.1,2,'cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc');
INSERT INTO "revision" VALUES('rev-621e31a7a809ea19bd1b81f3','task-4199df3f3408095f55eb9e37',1,'person-b2387571f2b055e1f00d9066','009579a1-7cf7-4491-b5cb-ffb8e448a901',1,'2026-11-29T17:39:16.497114Z','2026-11-29T17:38:56.497114Z',NULL,20000,'[{"schema":1,"capture":"cap-130f2f8e6805e3d6917bb431","source":{"kind":"person","name":"lea","version":null,"sha256":null},"labels":[]}]','{"cap-130f2f8e6805e3d6917bb431":{"kept":0,"moved":0,"relabelled":0,"deleted":2,"added":0,"text_edits":0,"attributes":0,"changes":[{"id":"b1","change":"deleted","kind":"box","label":"cup"},{"id":"b2","change":"deleted","kind":"box","label":"plate"}]}}','{"now":"2026-11-29T17:39:16.497114Z","revision":"rev-621e31a7a809ea19bd1b81f3","diff":{"cap-130f2f8e6805e3d6917bb431":{"kept":0,"moved":0,"relabelled":0,"deleted":2,"added":0,"text_edits":0,"attributes":0,"changes":[{"id":"b1","change":"deleted","kind":"box","label":"cup"},{"id":"b2","change":"deleted","kind":"box","label":"plate"}]}},"progress":{}}','random',0.1,2,'cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc');
INSERT INTO "revision" VALUES('rev-8927c298f345a73f473833e5','task-8f2d7ad277ca5529cfacc7b9',1,'person-c4530cd4e4f9511163d5b17a','c682309c-bd56-4255-b8af-7b3e003c2f4e',1,'2026-11-29T17:39:16.501064Z','2026-11-29T17:38:56.501064Z',NULL,20000,'[{"schema":1,"capture":"cap-813af157116363d38ed668af","source":{"kind":"person","name":"ann","version":null,"sha256":null},"labels":[{"id":"a1","label":"answer","score":null,"kind":"text","text":"Ein roter Becher."}]}]','{"cap-813af157116363d38ed668af":{"kept":0,"moved":0,"relabelled":0,"deleted":0,"added":1,"text_edits":0,"attributes":0,"changes":[{"id":"a1","change":"added","kind":"text","label":"answer"}]}}','{"now":"2026-11-29T17:39:16.501064Z","revision":"rev-8927c298f345a73f473833e5","diff":{"cap-813af157116363d38ed668af":{"kept":0,"moved":0,"relabelled":0,"deleted":0,"added":1,"text_edits":0,"attributes":0,"changes":[{"id":"a1","change":"added","kind":"text","label":"answer"}]}},"progress":{}}','random',0.1,4,'cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc');
CREATE TABLE service_state (
	name VARCHAR NOT NULL, 
	value TEXT NOT NULL, 
	CONSTRAINT pk_service_state PRIMARY KEY (name)
);
INSERT INTO "service_state" VALUES('time_seen','{"steady": "2026-11-29T17:39:15.923018Z", "wall": "2026-11-29T17:39:15.923018Z", "boot": "3e1dbd1a-6ead-48c8-8999-04ef7ba91a00", "up_seconds": 48958.44609315}');
CREATE TABLE session (
	id VARCHAR NOT NULL, 
	study VARCHAR NOT NULL, 
	script_id VARCHAR NOT NULL, 
	script_version VARCHAR NOT NULL, 
	script_sha256 VARCHAR NOT NULL, 
	device_id VARCHAR NOT NULL, 
	participant VARCHAR NOT NULL, 
	home VARCHAR NOT NULL, 
	consent VARCHAR NOT NULL, 
	state VARCHAR NOT NULL, 
	revision INTEGER NOT NULL, 
	record TEXT NOT NULL, 
	started_at VARCHAR NOT NULL, 
	ended_at VARCHAR, 
	CONSTRAINT pk_session PRIMARY KEY (id), 
	CONSTRAINT fk_session_device_id_device FOREIGN KEY(device_id) REFERENCES device (id)
);
INSERT INTO "session" VALUES('ses-1fa43c3c1614547dad3b5619','kitchen','kitchen-greeting','1.0','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc','dev-1','p-07','home-3','con-1','running',8,'{"schema": 1, "session": "ses-1fa43c3c1614547dad3b5619", "revision": 8, "study": "kitchen", "script": {"id": "kitchen-greeting", "version": "1.0", "sha256": "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"}, "language": "en", "label_schema": {"boxes": ["cup", "plate"], "tracks": ["person", "face"], "speech": ["speech"], "text": ["answer"]}, "steps": [], "device": "dev-1", "participant": "p-07", "home": "home-3", "consent": {"schema": 1, "consent": "con-1", "session": "ses-1fa43c3c1614547dad3b5619", "study": "kitchen", "participant": "p-07", "text_sha256": "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd", "locale": "en", "grants": [{"use": "video", "until": null}, {"use": "audio", "until": null}, {"use": "image", "until": null}, {"use": "text", "until": null}], "refused": [], "given_by": "participant", "given_at": "2026-11-20T10:00:00.000000Z"}, "state": "running", "started_at": "2026-11-20T10:00:00.000000Z", "ended_at": null, "takes": [{"take": "take-b4238bea798314f6bcd9d481", "step": "show-0", "attempt": 1, "kind": "show", "state": "closed", "reason": null, "prompt": "Please do show-0", "expected": null, "objects": [], "reviews": ["boxes"], "opened_us": 0, "closed_us": 400000, "opened_at": "2026-11-20T10:00:00.000000Z", "closed_at": "2026-11-20T10:00:00.400000Z", "captures": [{"capture": "cap-35cf0ac34b5815746a903f58", "medium": "image", "sensor": "image-0"}]}, {"take": "take-680c378f8368ff2d62403155", "step": "show-1", "attempt": 1, "kind": "show", "state": "closed", "reason": null, "prompt": "Please do show-1", "expected": null, "objects": [], "reviews": ["boxes"], "opened_us": 60000000, "closed_us": 60400000, "opened_at": "2026-11-20T10:01:00.000000Z", "closed_at": "2026-11-20T10:01:00.400000Z", "captures": [{"capture": "cap-130f2f8e6805e3d6917bb431", "medium": "image", "sensor": "image-0"}]}, {"take": "take-de8a88603a812c3367743aae", "step": "show-2", "attempt": 1, "kind": "show", "state": "closed", "reason": null, "prompt": "Please do show-2", "expected": null, "objects": [], "reviews": ["boxes"], "opened_us": 120000000, "closed_us": 120400000, "opened_at": "2026-11-20T10:02:00.000000Z", "closed_at": "2026-11-20T10:02:00.400000Z", "captures": [{"capture": "cap-bed29ba3319af88e3316fa0c", "medium": "image", "sensor": "image-0"}]}, {"take": "take-3625b085f05cf57de957110d", "step": "show-3", "attempt": 1, "kind": "show", "state": "closed", "reason": null, "prompt": "Please do show-3", "expected": null, "objects": [], "reviews": ["boxes"], "opened_us": 180000000, "closed_us": 180400000, "opened_at": "2026-11-20T10:03:00.000000Z", "closed_at": "2026-11-20T10:03:00.400000Z", "captures": [{"capture": "cap-2abe2fe24f92843ca5ca5cc0", "medium": "image", "sensor": "image-0"}]}, {"take": "take-80643392199d308ecde48c43", "step": "walk", "attempt": 1, "kind": "do", "state": "closed", "reason": null, "prompt": "Please do walk", "expected": null, "objects": [], "reviews": ["tracks", "speech"], "opened_us": 240000000, "closed_us": 240400000, "opened_at": "2026-11-20T10:04:00.000000Z", "closed_at": "2026-11-20T10:04:00.400000Z", "captures": [{"capture": "cap-43c79bc39a1de5a50a3781c5", "medium": "video", "sensor": "video-0"}, {"capture": "cap-ce3d8b47a738faeab518b0a9", "medium": "audio", "sensor": "audio-0"}]}, {"take": "take-260698ce9f1c3dcbda18f4fe", "step": "say", "attempt": 1, "kind": "say", "state": "closed", "reason": null, "prompt": "Please do say", "expected": "hello", "objects": [], "reviews": ["speech"], "opened_us": 300000000, "closed_us": 300400000, "opened_at": "2026-11-20T10:05:00.000000Z", "closed_at": "2026-11-20T10:05:00.400000Z", "captures": [{"capture": "cap-a831ff977b06b3cab5ec3b6a", "medium": "audio", "sensor": "audio-0"}]}, {"take": "take-948953de7d151e44ca383b8b", "step": "answer", "attempt": 1, "kind": "answer", "state": "closed", "reason": null, "prompt": "Please do answer", "expected": null, "objects": [], "reviews": ["text"], "opened_us": 360000000, "closed_us": 360400000, "opened_at": "2026-11-20T10:06:00.000000Z", "closed_at": "2026-11-20T10:06:00.400000Z", "captures": [{"capture": "cap-813af157116363d38ed668af", "medium": "text", "sensor": "text-0"}]}, {"take": "take-3893a25523dc1c22de0886b6", "step": "torn", "attempt": 1, "kind": "say", "state": "torn", "reason": null, "prompt": "Please do torn", "expected": null, "objects": [], "reviews": ["speech"], "opened_us": 420000000, "closed_us": 420400000, "opened_at": "2026-11-20T10:07:00.000000Z", "closed_at": "2026-11-20T10:07:00.400000Z", "captures": [{"capture": "cap-775319518c0350a8d73d4103", "medium": "audio", "sensor": "audio-0"}]}]}','2026-11-20T10:00:00.000000Z',NULL);
CREATE TABLE skip (
	id INTEGER NOT NULL, 
	task_id VARCHAR NOT NULL, 
	person_id VARCHAR NOT NULL, 
	fence INTEGER NOT NULL, 
	at VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	reason TEXT NOT NULL, 
	CONSTRAINT pk_skip PRIMARY KEY (id), 
	CONSTRAINT fk_skip_person_id_person FOREIGN KEY(person_id) REFERENCES person (id), 
	CONSTRAINT fk_skip_task_id_task FOREIGN KEY(task_id) REFERENCES task (id), 
	CONSTRAINT uq_skip_task_id_fence UNIQUE (task_id, fence)
);
INSERT INTO "skip" VALUES(1,'task-3a18234d5d0fc82705ae84a5','person-b2387571f2b055e1f00d9066',1,'2026-11-29T17:39:16.509094Z','skipped','the recording is broken');
INSERT INTO "skip" VALUES(2,'task-9051a395de9c6776971a5cb3','person-b2387571f2b055e1f00d9066',1,'2026-11-29T17:39:16.509094Z','returned','');
CREATE TABLE take (
	id VARCHAR NOT NULL, 
	session_id VARCHAR NOT NULL, 
	step VARCHAR NOT NULL, 
	step_number INTEGER, 
	attempt INTEGER NOT NULL, 
	kind VARCHAR NOT NULL, 
	state VARCHAR NOT NULL, 
	prompt TEXT NOT NULL, 
	expected TEXT, 
	opened_us BIGINT NOT NULL, 
	closed_us BIGINT, 
	opened_at VARCHAR NOT NULL, 
	closed_at VARCHAR, 
	record TEXT NOT NULL, 
	CONSTRAINT pk_take PRIMARY KEY (id), 
	CONSTRAINT fk_take_session_id_session FOREIGN KEY(session_id) REFERENCES session (id)
);
INSERT INTO "take" VALUES('take-b4238bea798314f6bcd9d481','ses-1fa43c3c1614547dad3b5619','show-0',1,1,'show','closed','Please do show-0',NULL,0,400000,'2026-11-20T10:00:00.000000Z','2026-11-20T10:00:00.400000Z','{"take": "take-b4238bea798314f6bcd9d481", "step": "show-0", "attempt": 1, "kind": "show", "state": "closed", "reason": null, "prompt": "Please do show-0", "expected": null, "objects": [], "reviews": ["boxes"], "opened_us": 0, "closed_us": 400000, "opened_at": "2026-11-20T10:00:00.000000Z", "closed_at": "2026-11-20T10:00:00.400000Z", "captures": [{"capture": "cap-35cf0ac34b5815746a903f58", "medium": "image", "sensor": "image-0"}]}');
INSERT INTO "take" VALUES('take-680c378f8368ff2d62403155','ses-1fa43c3c1614547dad3b5619','show-1',2,1,'show','closed','Please do show-1',NULL,60000000,60400000,'2026-11-20T10:01:00.000000Z','2026-11-20T10:01:00.400000Z','{"take": "take-680c378f8368ff2d62403155", "step": "show-1", "attempt": 1, "kind": "show", "state": "closed", "reason": null, "prompt": "Please do show-1", "expected": null, "objects": [], "reviews": ["boxes"], "opened_us": 60000000, "closed_us": 60400000, "opened_at": "2026-11-20T10:01:00.000000Z", "closed_at": "2026-11-20T10:01:00.400000Z", "captures": [{"capture": "cap-130f2f8e6805e3d6917bb431", "medium": "image", "sensor": "image-0"}]}');
INSERT INTO "take" VALUES('take-de8a88603a812c3367743aae','ses-1fa43c3c1614547dad3b5619','show-2',3,1,'show','closed','Please do show-2',NULL,120000000,120400000,'2026-11-20T10:02:00.000000Z','2026-11-20T10:02:00.400000Z','{"take": "take-de8a88603a812c3367743aae", "step": "show-2", "attempt": 1, "kind": "show", "state": "closed", "reason": null, "prompt": "Please do show-2", "expected": null, "objects": [], "reviews": ["boxes"], "opened_us": 120000000, "closed_us": 120400000, "opened_at": "2026-11-20T10:02:00.000000Z", "closed_at": "2026-11-20T10:02:00.400000Z", "captures": [{"capture": "cap-bed29ba3319af88e3316fa0c", "medium": "image", "sensor": "image-0"}]}');
INSERT INTO "take" VALUES('take-3625b085f05cf57de957110d','ses-1fa43c3c1614547dad3b5619','show-3',4,1,'show','closed','Please do show-3',NULL,180000000,180400000,'2026-11-20T10:03:00.000000Z','2026-11-20T10:03:00.400000Z','{"take": "take-3625b085f05cf57de957110d", "step": "show-3", "attempt": 1, "kind": "show", "state": "closed", "reason": null, "prompt": "Please do show-3", "expected": null, "objects": [], "reviews": ["boxes"], "opened_us": 180000000, "closed_us": 180400000, "opened_at": "2026-11-20T10:03:00.000000Z", "closed_at": "2026-11-20T10:03:00.400000Z", "captures": [{"capture": "cap-2abe2fe24f92843ca5ca5cc0", "medium": "image", "sensor": "image-0"}]}');
INSERT INTO "take" VALUES('take-80643392199d308ecde48c43','ses-1fa43c3c1614547dad3b5619','walk',5,1,'do','closed','Please do walk',NULL,240000000,240400000,'2026-11-20T10:04:00.000000Z','2026-11-20T10:04:00.400000Z','{"take": "take-80643392199d308ecde48c43", "step": "walk", "attempt": 1, "kind": "do", "state": "closed", "reason": null, "prompt": "Please do walk", "expected": null, "objects": [], "reviews": ["tracks", "speech"], "opened_us": 240000000, "closed_us": 240400000, "opened_at": "2026-11-20T10:04:00.000000Z", "closed_at": "2026-11-20T10:04:00.400000Z", "captures": [{"capture": "cap-43c79bc39a1de5a50a3781c5", "medium": "video", "sensor": "video-0"}, {"capture": "cap-ce3d8b47a738faeab518b0a9", "medium": "audio", "sensor": "audio-0"}]}');
INSERT INTO "take" VALUES('take-260698ce9f1c3dcbda18f4fe','ses-1fa43c3c1614547dad3b5619','say',6,1,'say','closed','Please do say','hello',300000000,300400000,'2026-11-20T10:05:00.000000Z','2026-11-20T10:05:00.400000Z','{"take": "take-260698ce9f1c3dcbda18f4fe", "step": "say", "attempt": 1, "kind": "say", "state": "closed", "reason": null, "prompt": "Please do say", "expected": "hello", "objects": [], "reviews": ["speech"], "opened_us": 300000000, "closed_us": 300400000, "opened_at": "2026-11-20T10:05:00.000000Z", "closed_at": "2026-11-20T10:05:00.400000Z", "captures": [{"capture": "cap-a831ff977b06b3cab5ec3b6a", "medium": "audio", "sensor": "audio-0"}]}');
INSERT INTO "take" VALUES('take-948953de7d151e44ca383b8b','ses-1fa43c3c1614547dad3b5619','answer',7,1,'answer','closed','Please do answer',NULL,360000000,360400000,'2026-11-20T10:06:00.000000Z','2026-11-20T10:06:00.400000Z','{"take": "take-948953de7d151e44ca383b8b", "step": "answer", "attempt": 1, "kind": "answer", "state": "closed", "reason": null, "prompt": "Please do answer", "expected": null, "objects": [], "reviews": ["text"], "opened_us": 360000000, "closed_us": 360400000, "opened_at": "2026-11-20T10:06:00.000000Z", "closed_at": "2026-11-20T10:06:00.400000Z", "captures": [{"capture": "cap-813af157116363d38ed668af", "medium": "text", "sensor": "text-0"}]}');
INSERT INTO "take" VALUES('take-3893a25523dc1c22de0886b6','ses-1fa43c3c1614547dad3b5619','torn',8,1,'say','torn','Please do torn',NULL,420000000,420400000,'2026-11-20T10:07:00.000000Z','2026-11-20T10:07:00.400000Z','{"take": "take-3893a25523dc1c22de0886b6", "step": "torn", "attempt": 1, "kind": "say", "state": "torn", "reason": null, "prompt": "Please do torn", "expected": null, "objects": [], "reviews": ["speech"], "opened_us": 420000000, "closed_us": 420400000, "opened_at": "2026-11-20T10:07:00.000000Z", "closed_at": "2026-11-20T10:07:00.400000Z", "captures": [{"capture": "cap-775319518c0350a8d73d4103", "medium": "audio", "sensor": "audio-0"}]}');
CREATE TABLE task (
	id VARCHAR NOT NULL, 
	take_id VARCHAR NOT NULL, 
	session_id VARCHAR NOT NULL, 
	study VARCHAR NOT NULL, 
	type VARCHAR NOT NULL, 
	state VARCHAR NOT NULL, 
	fence INTEGER NOT NULL, 
	leased_to VARCHAR, 
	leased_client VARCHAR, 
	leased_at VARCHAR, 
	lease_expires_at VARCHAR, 
	priority FLOAT NOT NULL, 
	reason_kind VARCHAR NOT NULL, 
	reason_text TEXT NOT NULL, 
	probability FLOAT NOT NULL, 
	instruction_version INTEGER NOT NULL, 
	created_at VARCHAR NOT NULL, 
	opened_at VARCHAR, 
	done_at VARCHAR, 
	consent VARCHAR NOT NULL, 
	revision_id VARCHAR, usable_until VARCHAR DEFAULT '9999-12-31T23:59:59.999999Z' NOT NULL, 
	CONSTRAINT pk_task PRIMARY KEY (id), 
	CONSTRAINT fk_task_leased_to_person FOREIGN KEY(leased_to) REFERENCES person (id), 
	CONSTRAINT fk_task_session_id_session FOREIGN KEY(session_id) REFERENCES session (id), 
	CONSTRAINT fk_task_take_id_take FOREIGN KEY(take_id) REFERENCES take (id), 
	CONSTRAINT uq_task_take_id_type UNIQUE (take_id, type)
);
INSERT INTO "task" VALUES('task-49af57be1d90ab6e87d26e78','take-b4238bea798314f6bcd9d481','ses-1fa43c3c1614547dad3b5619','kitchen','boxes','done',2,'person-e849170a6ca2eef44443ff2f','page','2026-11-29T17:38:56.486638Z','2026-11-29T17:48:56.486638Z',-2.07857356061034479356e+04,'uncertainty','Least certain: plate, 50%.',0.9,2,'2026-11-29T17:39:16.367338Z','2026-11-29T17:38:56.478383Z','2026-11-29T17:39:16.486638Z','con-1','rev-964fd4591ecf4a60049554a7','9999-12-31T23:59:59.999999Z');
INSERT INTO "task" VALUES('task-4199df3f3408095f55eb9e37','take-680c378f8368ff2d62403155','ses-1fa43c3c1614547dad3b5619','kitchen','boxes','done',1,'person-b2387571f2b055e1f00d9066','page','2026-11-29T17:38:56.497114Z','2026-11-29T17:48:56.497114Z',-2.07857356062935286905e+04,'uncertainty','Least certain: plate, 50%; 2 of 2 labels are unsure.',0.9,2,'2026-11-29T17:39:16.383761Z','2026-11-29T17:38:56.497114Z','2026-11-29T17:39:16.497114Z','con-1','rev-621e31a7a809ea19bd1b81f3','9999-12-31T23:59:59.999999Z');
INSERT INTO "task" VALUES('task-311f0a2ba263fcdca6f985b9','take-de8a88603a812c3367743aae','ses-1fa43c3c1614547dad3b5619','kitchen','boxes','open',0,NULL,NULL,NULL,NULL,-2.07861356064431020054e+04,'uncertainty','Least certain: cup, 70%.',0.9,2,'2026-11-29T17:39:16.396684Z',NULL,NULL,'con-1',NULL,'9999-12-31T23:59:59.999999Z');
INSERT INTO "task" VALUES('task-8104530be9ac0812077be3f8','take-3625b085f05cf57de957110d','ses-1fa43c3c1614547dad3b5619','kitchen','boxes','open',0,NULL,NULL,NULL,NULL,-2.0786135606468556943e+04,'uncertainty','Least certain: cup, 70%.',0.9,2,'2026-11-29T17:39:16.398883Z',NULL,NULL,'con-1',NULL,'9999-12-31T23:59:59.999999Z');
INSERT INTO "task" VALUES('task-b81efcadea025d6d08090b29','take-80643392199d308ecde48c43','ses-1fa43c3c1614547dad3b5619','kitchen','tracks','leased',1,'person-b2387571f2b055e1f00d9066','page-9','2026-11-29T17:39:16.509094Z','2026-11-29T17:49:16.509094Z',-2.07854356068351044085e+04,'uncertainty','Least certain: person, 60%.',0.9,2,'2026-11-29T17:39:16.430553Z','2026-11-29T17:39:16.509094Z',NULL,'con-1',NULL,'9999-12-31T23:59:59.999999Z');
INSERT INTO "task" VALUES('task-9051a395de9c6776971a5cb3','take-80643392199d308ecde48c43','ses-1fa43c3c1614547dad3b5619','kitchen','speech','open',1,'person-b2387571f2b055e1f00d9066','page-9','2026-11-29T17:39:16.509094Z','2026-11-29T17:49:16.509094Z',-2.07855356068383298408e+04,'conflict','Speech was found where the script expects none.',0.9,2,'2026-11-29T17:39:16.430832Z','2026-11-29T17:39:16.509094Z',NULL,'con-1',NULL,'9999-12-31T23:59:59.999999Z');
INSERT INTO "task" VALUES('task-3a18234d5d0fc82705ae84a5','take-260698ce9f1c3dcbda18f4fe','ses-1fa43c3c1614547dad3b5619','kitchen','speech','skipped',1,'person-b2387571f2b055e1f00d9066','page-9','2026-11-29T17:39:16.509094Z','2026-11-29T17:49:16.509094Z',-2.07867356071209724186e+04,'random','Random sample (1 in 10).',0.1,2,'2026-11-29T17:39:16.455252Z','2026-11-29T17:39:16.509094Z',NULL,'con-1',NULL,'9999-12-31T23:59:59.999999Z');
INSERT INTO "task" VALUES('task-8f2d7ad277ca5529cfacc7b9','take-948953de7d151e44ca383b8b','ses-1fa43c3c1614547dad3b5619','kitchen','text','done',1,'person-c4530cd4e4f9511163d5b17a','page','2026-11-29T17:38:56.501064Z','2026-11-29T17:48:56.501064Z',-2.07867356073242954151e+04,'age','Oldest first.',0.9,4,'2026-11-29T17:39:16.472819Z','2026-11-29T17:38:56.501064Z','2026-11-29T17:39:16.501064Z','con-1','rev-8927c298f345a73f473833e5','9999-12-31T23:59:59.999999Z');
CREATE TABLE task_capture (
	task_id VARCHAR NOT NULL, 
	capture_id VARCHAR NOT NULL, 
	role VARCHAR NOT NULL, 
	position INTEGER NOT NULL, 
	CONSTRAINT pk_task_capture PRIMARY KEY (task_id, capture_id), 
	CONSTRAINT fk_task_capture_capture_id_capture FOREIGN KEY(capture_id) REFERENCES capture (id), 
	CONSTRAINT fk_task_capture_task_id_task FOREIGN KEY(task_id) REFERENCES task (id)
);
INSERT INTO "task_capture" VALUES('task-49af57be1d90ab6e87d26e78','cap-35cf0ac34b5815746a903f58','labelled',0);
INSERT INTO "task_capture" VALUES('task-4199df3f3408095f55eb9e37','cap-130f2f8e6805e3d6917bb431','labelled',0);
INSERT INTO "task_capture" VALUES('task-311f0a2ba263fcdca6f985b9','cap-bed29ba3319af88e3316fa0c','labelled',0);
INSERT INTO "task_capture" VALUES('task-8104530be9ac0812077be3f8','cap-2abe2fe24f92843ca5ca5cc0','labelled',0);
INSERT INTO "task_capture" VALUES('task-b81efcadea025d6d08090b29','cap-43c79bc39a1de5a50a3781c5','labelled',0);
INSERT INTO "task_capture" VALUES('task-b81efcadea025d6d08090b29','cap-ce3d8b47a738faeab518b0a9','beside',1);
INSERT INTO "task_capture" VALUES('task-9051a395de9c6776971a5cb3','cap-ce3d8b47a738faeab518b0a9','labelled',0);
INSERT INTO "task_capture" VALUES('task-9051a395de9c6776971a5cb3','cap-43c79bc39a1de5a50a3781c5','beside',1);
INSERT INTO "task_capture" VALUES('task-3a18234d5d0fc82705ae84a5','cap-a831ff977b06b3cab5ec3b6a','labelled',0);
INSERT INTO "task_capture" VALUES('task-8f2d7ad277ca5529cfacc7b9','cap-813af157116363d38ed668af','labelled',0);
CREATE TABLE token (
	hash VARCHAR NOT NULL, 
	person_id VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	created_at VARCHAR NOT NULL, 
	expires_at VARCHAR, 
	used_at VARCHAR, 
	CONSTRAINT pk_token PRIMARY KEY (hash), 
	CONSTRAINT fk_token_person_id_person FOREIGN KEY(person_id) REFERENCES person (id)
);
INSERT INTO "token" VALUES('f72ca8af2a5a6396304a9e763a66959b3d969e1bfbdb390335b122fc3c6eb1a2','person-c4530cd4e4f9511163d5b17a','api','2026-11-29T17:39:15.923185Z',NULL,NULL);
CREATE TABLE "upload" (
	id VARCHAR NOT NULL, 
	capture_id VARCHAR, 
	part VARCHAR, 
	device_id VARCHAR NOT NULL, 
	"offset" BIGINT NOT NULL, 
	length BIGINT, 
	staged VARCHAR NOT NULL, 
	sha256 VARCHAR, 
	state VARCHAR NOT NULL, 
	created_at VARCHAR NOT NULL, 
	expires_at VARCHAR NOT NULL, 
	metadata TEXT, 
	concat VARCHAR, 
	CONSTRAINT pk_upload PRIMARY KEY (id), 
	CONSTRAINT fk_upload_device_id_device FOREIGN KEY(device_id) REFERENCES device (id), 
	CONSTRAINT uq_upload_capture_id_part UNIQUE (capture_id, part)
);
CREATE TABLE waiting (
	study VARCHAR NOT NULL, 
	tasks INTEGER NOT NULL, 
	CONSTRAINT pk_waiting PRIMARY KEY (study)
);
INSERT INTO "waiting" VALUES('kitchen',4);
CREATE TABLE worked (
	id INTEGER NOT NULL, 
	task_id VARCHAR NOT NULL, 
	person_id VARCHAR NOT NULL, 
	fence INTEGER NOT NULL, 
	started_at VARCHAR NOT NULL, 
	ended_at VARCHAR NOT NULL, 
	CONSTRAINT pk_worked PRIMARY KEY (id), 
	CONSTRAINT fk_worked_person_id_person FOREIGN KEY(person_id) REFERENCES person (id), 
	CONSTRAINT fk_worked_task_id_task FOREIGN KEY(task_id) REFERENCES task (id)
);
INSERT INTO "worked" VALUES(1,'task-49af57be1d90ab6e87d26e78','person-c4530cd4e4f9511163d5b17a',1,'2026-11-29T17:38:56.478383Z','2026-11-29T17:39:16.478383Z');
INSERT INTO "worked" VALUES(2,'task-49af57be1d90ab6e87d26e78','person-e849170a6ca2eef44443ff2f',2,'2026-11-29T17:38:56.486638Z','2026-11-29T17:39:16.486638Z');
INSERT INTO "worked" VALUES(3,'task-4199df3f3408095f55eb9e37','person-b2387571f2b055e1f00d9066',1,'2026-11-29T17:38:56.497114Z','2026-11-29T17:39:16.497114Z');
INSERT INTO "worked" VALUES(4,'task-8f2d7ad277ca5529cfacc7b9','person-c4530cd4e4f9511163d5b17a',1,'2026-11-29T17:38:56.501064Z','2026-11-29T17:39:16.501064Z');
CREATE INDEX ix_job_waiting ON job (kind, not_before, id) WHERE state = 'waiting';
CREATE INDEX ix_capture_take_id ON capture (take_id);
CREATE INDEX ix_token_person_id ON token (person_id);
CREATE INDEX ix_derived_blob ON derived (blob);
CREATE INDEX ix_look_capture_id ON look (capture_id);
CREATE INDEX ix_look_person_id_capture_id ON look (person_id, capture_id);
CREATE INDEX ix_task_done_at ON task (done_at);
CREATE INDEX ix_task_holder ON task (leased_to, leased_client) WHERE state = 'leased';
CREATE INDEX ix_task_leased ON task (lease_expires_at) WHERE state = 'leased';
CREATE INDEX ix_task_session_id ON task (session_id);
CREATE INDEX ix_activity_task_id_fence ON activity (task_id, fence);
CREATE INDEX ix_revision_person_id_submitted_at ON revision (person_id, submitted_at);
CREATE INDEX ix_revision_submitted_at ON revision (submitted_at);
CREATE INDEX ix_skip_at ON skip (at);
CREATE INDEX ix_skip_person_id_task_id ON skip (person_id, task_id);
CREATE INDEX ix_task_capture_capture_id ON task_capture (capture_id);
CREATE INDEX ix_prelabel_run_created_at ON prelabel_run (created_at);
CREATE INDEX ix_job_short ON job (kind, not_before, id) WHERE state = 'waiting' AND is_short;
CREATE INDEX ix_session_started_at_id ON session (started_at, id);
CREATE INDEX ix_session_study ON session (study);
CREATE INDEX ix_take_session_id_state ON take (session_id, state);
CREATE INDEX ix_capture_state_bytes ON capture (state, bytes);
CREATE INDEX ix_job_kind_state ON job (kind, state);
CREATE INDEX ix_task_created_at_id ON task (created_at, id);
CREATE INDEX ix_task_state_created_at_id ON task (state, created_at, id);
CREATE INDEX ix_task_open ON task (type, priority, id) WHERE state = 'open' AND reason_kind <> 'random';
CREATE INDEX ix_task_random ON task (type, created_at, id) WHERE state = 'open' AND reason_kind = 'random';
CREATE INDEX ix_upload_state ON upload (state);
CREATE INDEX ix_upload_open ON upload (expires_at) WHERE state = 'open';
CREATE INDEX ix_upload_unclaimed ON upload (device_id) WHERE capture_id IS NULL;
CREATE INDEX ix_activity_at ON activity (at);
CREATE INDEX ix_worked_ended_at ON worked (ended_at);
CREATE INDEX ix_capture_session_id_state ON capture (session_id, state);
CREATE INDEX ix_capture_received_at ON capture (received_at);
CREATE INDEX ix_take_opened_at ON take (opened_at);
CREATE INDEX ix_task_skipped ON task (id) WHERE state = 'skipped';
CREATE INDEX ix_task_usable_until ON task (state, usable_until) WHERE usable_until < '9999';
CREATE TRIGGER task_waiting_insert AFTER INSERT ON task BEGIN INSERT INTO waiting (study, tasks) SELECT NEW.study, 1 WHERE (NEW.state = 'open' OR (NEW.state = 'leased' AND NEW.revision_id IS NULL)) ON CONFLICT (study) DO UPDATE SET tasks = tasks + 1; END;
CREATE TRIGGER task_waiting_update AFTER UPDATE OF state, revision_id, study ON task WHEN (NEW.state = 'open' OR (NEW.state = 'leased' AND NEW.revision_id IS NULL)) <> (OLD.state = 'open' OR (OLD.state = 'leased' AND OLD.revision_id IS NULL)) OR NEW.study <> OLD.study BEGIN UPDATE waiting SET tasks = tasks - 1 WHERE study = OLD.study AND (OLD.state = 'open' OR (OLD.state = 'leased' AND OLD.revision_id IS NULL)); INSERT INTO waiting (study, tasks) SELECT NEW.study, 1 WHERE (NEW.state = 'open' OR (NEW.state = 'leased' AND NEW.revision_id IS NULL)) ON CONFLICT (study) DO UPDATE SET tasks = tasks + 1; END;
CREATE TRIGGER task_waiting_delete AFTER DELETE ON task BEGIN UPDATE waiting SET tasks = tasks - 1 WHERE study = OLD.study AND (OLD.state = 'open' OR (OLD.state = 'leased' AND OLD.revision_id IS NULL)); END;
COMMIT;
