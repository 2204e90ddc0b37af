CREATE TABLE device (
	id TEXT NOT NULL,
	name TEXT NOT NULL,
	model TEXT NOT NULL,
	token_hash TEXT NOT NULL,
	joined_at TEXT NOT NULL,
	revoked_at TEXT,
	last_seen_at TEXT,
	heartbeat TEXT,
	CONSTRAINT pk_device PRIMARY KEY (id),
	CONSTRAINT uq_device_token_hash UNIQUE (token_hash)
)

CREATE TABLE job (
	id BIGSERIAL NOT NULL,
	kind TEXT NOT NULL,
	key TEXT NOT NULL,
	payload TEXT NOT NULL,
	state TEXT NOT NULL,
	attempts BIGINT NOT NULL,
	not_before TEXT NOT NULL,
	error TEXT,
	created_at TEXT NOT NULL,
	done_at TEXT,
	is_short BOOLEAN DEFAULT '0' NOT NULL,
	CONSTRAINT pk_job PRIMARY KEY (id),
	CONSTRAINT uq_job_kind_key UNIQUE (kind, key)
)

CREATE INDEX ix_job_short ON job (kind, not_before, id) WHERE state = 'waiting' AND is_short

CREATE INDEX ix_job_kind_state ON job (kind, state)

CREATE INDEX ix_job_waiting ON job (kind, not_before, id) WHERE state = 'waiting'

CREATE TABLE person (
	id TEXT NOT NULL,
	name TEXT NOT NULL,
	role TEXT NOT NULL,
	created_at TEXT NOT NULL,
	disabled_at TEXT,
	CONSTRAINT pk_person PRIMARY KEY (id),
	CONSTRAINT uq_person_name UNIQUE (name)
)

CREATE TABLE calibration (
	id BIGSERIAL NOT NULL,
	model_sha256 TEXT NOT NULL,
	body TEXT NOT NULL,
	fitted_at TEXT NOT NULL,
	configuration TEXT,
	CONSTRAINT pk_calibration PRIMARY KEY (id)
)

CREATE INDEX ix_calibration_model_sha256_configuration_id ON calibration (model_sha256, configuration, id)

CREATE TABLE prelabel_run (
	id TEXT NOT NULL,
	model TEXT NOT NULL,
	source TEXT NOT NULL,
	asked TEXT NOT NULL,
	captures BIGINT NOT NULL,
	created_at TEXT NOT NULL,
	CONSTRAINT pk_prelabel_run PRIMARY KEY (id)
)

CREATE INDEX ix_prelabel_run_created_at ON prelabel_run (created_at)

CREATE TABLE instruction (
	type TEXT NOT NULL,
	version BIGINT NOT NULL,
	text TEXT NOT NULL,
	sha256 TEXT NOT NULL,
	first_used_at TEXT NOT NULL,
	CONSTRAINT pk_instruction PRIMARY KEY (type, version)
)

CREATE INDEX ix_instruction_sha256 ON instruction (sha256)

CREATE TABLE category (
	id BIGSERIAL NOT NULL,
	word TEXT NOT NULL,
	CONSTRAINT pk_category PRIMARY KEY (id),
	CONSTRAINT uq_category_word UNIQUE (word)
)

CREATE TABLE export (
	id TEXT NOT NULL,
	made_at TEXT NOT NULL,
	format TEXT NOT NULL,
	body TEXT NOT NULL,
	CONSTRAINT pk_export PRIMARY KEY (id)
)

CREATE TABLE service_state (
	name TEXT NOT NULL,
	value TEXT NOT NULL,
	CONSTRAINT pk_service_state PRIMARY KEY (name)
)

CREATE TABLE study (
	id TEXT NOT NULL,
	created_at TEXT NOT NULL,
	control_share FLOAT NOT NULL,
	CONSTRAINT pk_study PRIMARY KEY (id)
)

CREATE TABLE consent_text (
	sha256 TEXT NOT NULL,
	text TEXT NOT NULL,
	received_at TEXT NOT NULL,
	CONSTRAINT pk_consent_text PRIMARY KEY (sha256)
)

CREATE TABLE waiting (
	study TEXT NOT NULL,
	tasks BIGINT NOT NULL,
	CONSTRAINT pk_waiting PRIMARY KEY (study)
)

CREATE TABLE capture (
	id TEXT NOT NULL,
	take_id TEXT NOT NULL,
	session_id TEXT NOT NULL,
	device_id TEXT NOT NULL,
	medium TEXT NOT NULL,
	sensor TEXT NOT NULL,
	step TEXT NOT NULL,
	attempt BIGINT NOT NULL,
	consent TEXT NOT NULL,
	complete BOOLEAN NOT NULL,
	state TEXT NOT NULL,
	manifest TEXT NOT NULL,
	manifest_sha256 TEXT NOT NULL,
	sha256 TEXT,
	bytes BIGINT,
	duration_us BIGINT,
	frames BIGINT,
	opened_us BIGINT NOT NULL,
	wall_at TEXT NOT NULL,
	received_at TEXT NOT NULL,
	opened_at TEXT,
	problem TEXT,
	CONSTRAINT pk_capture PRIMARY KEY (id),
	CONSTRAINT fk_capture_device_id_device FOREIGN KEY(device_id) REFERENCES device (id)
)

CREATE INDEX ix_capture_take_id ON capture (take_id)

CREATE INDEX ix_capture_state_bytes ON capture (state, bytes)

CREATE INDEX ix_capture_session_id_state ON capture (session_id, state)

CREATE INDEX ix_capture_received_at ON capture (received_at)

CREATE TABLE join_code (
	code_hash TEXT NOT NULL,
	created_at TEXT NOT NULL,
	expires_at TEXT NOT NULL,
	used_at TEXT,
	device_id TEXT,
	CONSTRAINT pk_join_code PRIMARY KEY (code_hash),
	CONSTRAINT fk_join_code_device_id_device FOREIGN KEY(device_id) REFERENCES device (id)
)

CREATE TABLE upload (
	id TEXT NOT NULL,
	capture_id TEXT,
	part TEXT,
	device_id TEXT NOT NULL,
	"offset" BIGINT NOT NULL,
	length BIGINT,
	staged TEXT NOT NULL,
	sha256 TEXT,
	state TEXT NOT NULL,
	created_at TEXT NOT NULL,
	expires_at TEXT NOT NULL,
	metadata TEXT,
	concat TEXT,
	CONSTRAINT pk_upload PRIMARY KEY (id),
	CONSTRAINT uq_upload_capture_id_part UNIQUE (capture_id, part),
	CONSTRAINT fk_upload_device_id_device FOREIGN KEY(device_id) REFERENCES device (id)
)

CREATE INDEX ix_upload_open ON upload (expires_at) WHERE state = 'open'

CREATE INDEX ix_upload_unclaimed ON upload (device_id) WHERE capture_id IS NULL

CREATE INDEX ix_upload_state ON upload (state)

CREATE TABLE manifest_conflict (
	id BIGSERIAL NOT NULL,
	capture_id TEXT NOT NULL,
	device_id TEXT NOT NULL,
	manifest TEXT NOT NULL,
	manifest_sha256 TEXT NOT NULL,
	received_at TEXT NOT NULL,
	CONSTRAINT pk_manifest_conflict PRIMARY KEY (id),
	CONSTRAINT uq_manifest_conflict_capture_id_manifest_sha256 UNIQUE (capture_id, manifest_sha256),
	CONSTRAINT fk_manifest_conflict_device_id_device FOREIGN KEY(device_id) REFERENCES device (id)
)

CREATE TABLE token (
	hash TEXT NOT NULL,
	person_id TEXT NOT NULL,
	kind TEXT NOT NULL,
	created_at TEXT NOT NULL,
	expires_at TEXT,
	used_at TEXT,
	CONSTRAINT pk_token PRIMARY KEY (hash),
	CONSTRAINT fk_token_person_id_person FOREIGN KEY(person_id) REFERENCES person (id)
)

CREATE INDEX ix_token_person_id ON token (person_id)

CREATE TABLE prelabel_run_study (
	run_id TEXT NOT NULL,
	study TEXT NOT NULL,
	CONSTRAINT pk_prelabel_run_study PRIMARY KEY (run_id, study),
	CONSTRAINT fk_prelabel_run_study_run_id_prelabel_run FOREIGN KEY(run_id) REFERENCES prelabel_run (id),
	CONSTRAINT fk_prelabel_run_study_study_study FOREIGN KEY(study) REFERENCES study (id)
)

CREATE TABLE finished_minute (
	person_id TEXT NOT NULL,
	study TEXT NOT NULL,
	minute TEXT NOT NULL,
	pieces BIGINT NOT NULL,
	tasks BIGINT NOT NULL,
	first_at TEXT NOT NULL,
	CONSTRAINT pk_finished_minute PRIMARY KEY (person_id, study, minute),
	CONSTRAINT fk_finished_minute_person_id_person FOREIGN KEY(person_id) REFERENCES person (id)
)

CREATE INDEX ix_finished_minute_person_id_minute ON finished_minute (person_id, minute)

CREATE TABLE study_version (
	id BIGSERIAL NOT NULL,
	study TEXT NOT NULL,
	number BIGINT NOT NULL,
	sha256 TEXT NOT NULL,
	label_schema TEXT NOT NULL,
	consent_text_sha256 TEXT NOT NULL,
	origin TEXT NOT NULL,
	origin_id TEXT NOT NULL,
	made_at TEXT NOT NULL,
	CONSTRAINT pk_study_version PRIMARY KEY (id),
	CONSTRAINT uq_study_version_study_number UNIQUE (study, number),
	CONSTRAINT uq_study_version_study_sha256 UNIQUE (study, sha256),
	CONSTRAINT fk_study_version_study_study FOREIGN KEY(study) REFERENCES study (id)
)

CREATE TABLE person_study (
	person_id TEXT NOT NULL,
	study TEXT NOT NULL,
	CONSTRAINT pk_person_study PRIMARY KEY (person_id, study),
	CONSTRAINT fk_person_study_person_id_person FOREIGN KEY(person_id) REFERENCES person (id),
	CONSTRAINT fk_person_study_study_study FOREIGN KEY(study) REFERENCES study (id)
)

CREATE TABLE session (
	id TEXT NOT NULL,
	study TEXT NOT NULL,
	script_id TEXT NOT NULL,
	script_version TEXT NOT NULL,
	script_sha256 TEXT NOT NULL,
	device_id TEXT NOT NULL,
	participant TEXT NOT NULL,
	home TEXT NOT NULL,
	consent TEXT NOT NULL,
	state TEXT NOT NULL,
	revision BIGINT NOT NULL,
	record TEXT NOT NULL,
	started_at TEXT NOT NULL,
	ended_at TEXT,
	language TEXT DEFAULT '' NOT NULL,
	study_version_id BIGINT,
	CONSTRAINT pk_session PRIMARY KEY (id),
	CONSTRAINT fk_session_device_id_device FOREIGN KEY(device_id) REFERENCES device (id),
	CONSTRAINT fk_session_study_version_id_study_version FOREIGN KEY(study_version_id) REFERENCES study_version (id)
)

CREATE INDEX ix_session_study ON session (study)

CREATE INDEX ix_session_started_at_id ON session (started_at, id)

CREATE INDEX ix_session_device_id_study ON session (device_id, study)

CREATE TABLE derived (
	capture_id TEXT NOT NULL,
	kind TEXT NOT NULL,
	blob TEXT NOT NULL,
	bytes BIGINT NOT NULL,
	media_type TEXT NOT NULL,
	CONSTRAINT pk_derived PRIMARY KEY (capture_id, kind),
	CONSTRAINT fk_derived_capture_id_capture FOREIGN KEY(capture_id) REFERENCES capture (id)
)

CREATE INDEX ix_derived_blob ON derived (blob)

CREATE TABLE labels_document (
	id BIGSERIAL NOT NULL,
	capture_id TEXT NOT NULL,
	name TEXT NOT NULL,
	source_kind TEXT NOT NULL,
	source_name TEXT NOT NULL,
	source_sha256 TEXT,
	body TEXT NOT NULL,
	raw_sha256 TEXT NOT NULL,
	shown BOOLEAN DEFAULT '1' NOT NULL,
	CONSTRAINT pk_labels_document PRIMARY KEY (id),
	CONSTRAINT uq_labels_document_capture_id_name UNIQUE (capture_id, name),
	CONSTRAINT fk_labels_document_capture_id_capture FOREIGN KEY(capture_id) REFERENCES capture (id)
)

CREATE TABLE look (
	id BIGSERIAL NOT NULL,
	person_id TEXT NOT NULL,
	capture_id TEXT NOT NULL,
	at TEXT NOT NULL,
	why TEXT NOT NULL,
	CONSTRAINT pk_look PRIMARY KEY (id),
	CONSTRAINT fk_look_person_id_person FOREIGN KEY(person_id) REFERENCES person (id),
	CONSTRAINT fk_look_capture_id_capture FOREIGN KEY(capture_id) REFERENCES capture (id)
)

CREATE INDEX ix_look_person_id_capture_id ON look (person_id, capture_id)

CREATE INDEX ix_look_capture_id ON look (capture_id)

CREATE TABLE receipt (
	capture_id TEXT NOT NULL,
	body TEXT NOT NULL,
	CONSTRAINT pk_receipt PRIMARY KEY (capture_id),
	CONSTRAINT fk_receipt_capture_id_capture FOREIGN KEY(capture_id) REFERENCES capture (id)
)

CREATE TABLE study_version_instruction (
	study_version_id BIGINT NOT NULL,
	type TEXT NOT NULL,
	version BIGINT NOT NULL,
	CONSTRAINT pk_study_version_instruction PRIMARY KEY (study_version_id, type),
	CONSTRAINT fk_study_version_instruction_type_instruction FOREIGN KEY(type, version) REFERENCES instruction (type, version),
	CONSTRAINT fk_study_version_instruction_study_version_id_study_version FOREIGN KEY(study_version_id) REFERENCES study_version (id)
)

CREATE TABLE script_plan (
	sha256 TEXT NOT NULL,
	study TEXT NOT NULL,
	script_id TEXT NOT NULL,
	script_version TEXT NOT NULL,
	body TEXT NOT NULL,
	device_id TEXT NOT NULL,
	received_at TEXT NOT NULL,
	study_version_id BIGINT,
	CONSTRAINT pk_script_plan PRIMARY KEY (sha256),
	CONSTRAINT fk_script_plan_device_id_device FOREIGN KEY(device_id) REFERENCES device (id),
	CONSTRAINT fk_script_plan_study_version_id_study_version FOREIGN KEY(study_version_id) REFERENCES study_version (id)
)

CREATE TABLE session_grant (
	session_id TEXT NOT NULL,
	use TEXT NOT NULL,
	until TEXT,
	CONSTRAINT pk_session_grant PRIMARY KEY (session_id, use),
	CONSTRAINT fk_session_grant_session_id_session FOREIGN KEY(session_id) REFERENCES session (id)
)

CREATE TABLE session_step (
	session_id TEXT NOT NULL,
	number BIGINT NOT NULL,
	step TEXT NOT NULL,
	title TEXT NOT NULL,
	CONSTRAINT pk_session_step PRIMARY KEY (session_id, number),
	CONSTRAINT fk_session_step_session_id_session FOREIGN KEY(session_id) REFERENCES session (id)
)

CREATE INDEX ix_session_step_session_id_step_number ON session_step (session_id, step, number)

CREATE TABLE take (
	id TEXT NOT NULL,
	session_id TEXT NOT NULL,
	number BIGINT DEFAULT '0' NOT NULL,
	revision BIGINT DEFAULT '0' NOT NULL,
	step TEXT NOT NULL,
	step_number BIGINT,
	attempt BIGINT NOT NULL,
	kind TEXT NOT NULL,
	state TEXT NOT NULL,
	prompt TEXT NOT NULL,
	expected TEXT,
	opened_us BIGINT NOT NULL,
	closed_us BIGINT,
	opened_at TEXT NOT NULL,
	closed_at TEXT,
	record TEXT NOT NULL,
	CONSTRAINT pk_take PRIMARY KEY (id),
	CONSTRAINT fk_take_session_id_session FOREIGN KEY(session_id) REFERENCES session (id)
)

CREATE INDEX ix_take_session_id_state ON take (session_id, state)

CREATE INDEX ix_take_opened_at ON take (opened_at)

CREATE TABLE prelabel_event (
	id BIGSERIAL NOT NULL,
	document_id BIGINT NOT NULL,
	at TEXT NOT NULL,
	event TEXT NOT NULL,
	run_id TEXT,
	raw_sha256 TEXT NOT NULL,
	replaced TEXT,
	CONSTRAINT pk_prelabel_event PRIMARY KEY (id),
	CONSTRAINT fk_prelabel_event_document_id_labels_document FOREIGN KEY(document_id) REFERENCES labels_document (id),
	CONSTRAINT fk_prelabel_event_run_id_prelabel_run FOREIGN KEY(run_id) REFERENCES prelabel_run (id)
)

CREATE INDEX ix_prelabel_event_document_id ON prelabel_event (document_id)

CREATE TABLE task (
	id TEXT NOT NULL,
	take_id TEXT NOT NULL,
	session_id TEXT NOT NULL,
	study TEXT NOT NULL,
	type TEXT NOT NULL,
	state TEXT NOT NULL,
	fence BIGINT NOT NULL,
	leased_to TEXT,
	leased_client TEXT,
	leased_at TEXT,
	lease_expires_at TEXT,
	priority FLOAT NOT NULL,
	reason_kind TEXT NOT NULL,
	reason_text TEXT NOT NULL,
	probability FLOAT NOT NULL,
	instruction_version BIGINT NOT NULL,
	created_at TEXT NOT NULL,
	opened_at TEXT,
	done_at TEXT,
	consent TEXT NOT NULL,
	control BOOLEAN DEFAULT '0' NOT NULL,
	control_probability FLOAT,
	round BIGINT DEFAULT '1' NOT NULL,
	usable_until TEXT DEFAULT '9999-12-31T23:59:59.999999Z' NOT NULL,
	revision_id TEXT,
	study_version_id BIGINT,
	CONSTRAINT pk_task PRIMARY KEY (id),
	CONSTRAINT uq_task_take_id_type_round UNIQUE (take_id, type, round),
	CONSTRAINT fk_task_take_id_take FOREIGN KEY(take_id) REFERENCES take (id),
	CONSTRAINT fk_task_session_id_session FOREIGN KEY(session_id) REFERENCES session (id),
	CONSTRAINT fk_task_leased_to_person FOREIGN KEY(leased_to) REFERENCES person (id),
	CONSTRAINT fk_task_study_version_id_study_version FOREIGN KEY(study_version_id) REFERENCES study_version (id)
)

CREATE INDEX ix_task_open_of_study ON task (study, type, priority, id) WHERE state = 'open' AND reason_kind <> 'random'

CREATE INDEX ix_task_leased ON task (lease_expires_at) WHERE state = 'leased'

CREATE INDEX ix_task_skipped ON task (id) WHERE state = 'skipped'

CREATE INDEX ix_task_done_at ON task (done_at)

CREATE INDEX ix_task_state_created_at_id ON task (state, created_at, id)

CREATE INDEX ix_task_usable_until ON task (state, usable_until) WHERE usable_until < '9999'

CREATE INDEX ix_task_random_of_study ON task (study, type, created_at, id) WHERE state = 'open' AND reason_kind = 'random'

CREATE INDEX ix_task_holder ON task (leased_to, leased_client) WHERE state = 'leased'

CREATE INDEX ix_task_session_id ON task (session_id)

CREATE INDEX ix_task_created_at_id ON task (created_at, id)

CREATE INDEX ix_task_open ON task (type, priority, id) WHERE state = 'open' AND reason_kind <> 'random'

CREATE INDEX ix_task_random ON task (type, created_at, id) WHERE state = 'open' AND reason_kind = 'random'

CREATE FUNCTION count_waiting() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF TG_OP <> 'INSERT' THEN UPDATE waiting SET tasks = tasks - 1 WHERE study = OLD.study AND (OLD.state = 'open' OR (OLD.state = 'leased' AND OLD.revision_id IS NULL)); END IF; IF TG_OP <> 'DELETE' THEN INSERT INTO waiting (study, tasks) SELECT NEW.study, 1 WHERE (NEW.state = 'open' OR (NEW.state = 'leased' AND NEW.revision_id IS NULL)) ON CONFLICT (study) DO UPDATE SET tasks = waiting.tasks + 1; END IF; RETURN NULL; END $$

CREATE TRIGGER task_waiting_insert AFTER INSERT ON task FOR EACH ROW EXECUTE FUNCTION count_waiting()

CREATE TRIGGER task_waiting_update AFTER UPDATE OF state, revision_id, study ON task FOR EACH ROW WHEN ((NEW.state = 'open' OR (NEW.state = 'leased' AND NEW.revision_id IS NULL)) <> (OLD.state = 'open' OR (OLD.state = 'leased' AND OLD.revision_id IS NULL)) OR NEW.study <> OLD.study) EXECUTE FUNCTION count_waiting()

CREATE TRIGGER task_waiting_delete AFTER DELETE ON task FOR EACH ROW EXECUTE FUNCTION count_waiting()

CREATE TABLE task_reason (
	id BIGSERIAL NOT NULL,
	task_id TEXT NOT NULL,
	at TEXT NOT NULL,
	kind TEXT NOT NULL,
	text TEXT NOT NULL,
	priority FLOAT NOT NULL,
	CONSTRAINT pk_task_reason PRIMARY KEY (id),
	CONSTRAINT fk_task_reason_task_id_task FOREIGN KEY(task_id) REFERENCES task (id)
)

CREATE INDEX ix_task_reason_task_id ON task_reason (task_id)

CREATE TABLE lease (
	task_id TEXT NOT NULL,
	fence BIGINT NOT NULL,
	person_id TEXT NOT NULL,
	client TEXT,
	started_at TEXT,
	expires_at TEXT,
	ended_at TEXT,
	ended TEXT,
	lane TEXT,
	probability FLOAT,
	why TEXT,
	CONSTRAINT pk_lease PRIMARY KEY (task_id, fence),
	CONSTRAINT fk_lease_task_id_task FOREIGN KEY(task_id) REFERENCES task (id),
	CONSTRAINT fk_lease_person_id_person FOREIGN KEY(person_id) REFERENCES person (id)
)

CREATE TABLE task_capture (
	task_id TEXT NOT NULL,
	capture_id TEXT NOT NULL,
	role TEXT NOT NULL,
	position BIGINT NOT NULL,
	CONSTRAINT pk_task_capture PRIMARY KEY (task_id, capture_id),
	CONSTRAINT fk_task_capture_task_id_task FOREIGN KEY(task_id) REFERENCES task (id),
	CONSTRAINT fk_task_capture_capture_id_capture FOREIGN KEY(capture_id) REFERENCES capture (id)
)

CREATE INDEX ix_task_capture_capture_id ON task_capture (capture_id)

CREATE TABLE revision (
	id TEXT NOT NULL,
	task_id TEXT NOT NULL,
	number BIGINT NOT NULL,
	person_id TEXT NOT NULL,
	submit_uuid TEXT NOT NULL,
	fence BIGINT NOT NULL,
	submitted_at TEXT NOT NULL,
	opened_at TEXT NOT NULL,
	first_input_at TEXT,
	active_ms BIGINT NOT NULL,
	documents TEXT NOT NULL,
	diff TEXT NOT NULL,
	reply TEXT NOT NULL,
	reason_kind TEXT NOT NULL,
	probability FLOAT NOT NULL,
	instruction_version BIGINT NOT NULL,
	script_sha256 TEXT NOT NULL,
	instruction_sha256 TEXT,
	shown TEXT,
	told TEXT,
	page TEXT,
	correction TEXT,
	study_version_id BIGINT,
	CONSTRAINT pk_revision PRIMARY KEY (id),
	CONSTRAINT uq_revision_task_id_number UNIQUE (task_id, number),
	CONSTRAINT fk_revision_task_id_task FOREIGN KEY(task_id) REFERENCES task (id),
	CONSTRAINT fk_revision_person_id_person FOREIGN KEY(person_id) REFERENCES person (id),
	CONSTRAINT uq_revision_submit_uuid UNIQUE (submit_uuid),
	CONSTRAINT fk_revision_study_version_id_study_version FOREIGN KEY(study_version_id) REFERENCES study_version (id)
)

CREATE INDEX ix_revision_submitted_at ON revision (submitted_at)

CREATE INDEX ix_revision_person_id_submitted_at ON revision (person_id, submitted_at)

CREATE TABLE draft (
	task_id TEXT NOT NULL,
	person_id TEXT NOT NULL,
	fence BIGINT NOT NULL,
	documents TEXT NOT NULL,
	saved_at TEXT NOT NULL,
	why TEXT NOT NULL,
	CONSTRAINT pk_draft PRIMARY KEY (task_id, person_id, fence),
	CONSTRAINT fk_draft_task_id_task FOREIGN KEY(task_id) REFERENCES task (id),
	CONSTRAINT fk_draft_person_id_person FOREIGN KEY(person_id) REFERENCES person (id)
)

CREATE TABLE activity (
	id BIGSERIAL NOT NULL,
	task_id TEXT NOT NULL,
	person_id TEXT NOT NULL,
	fence BIGINT NOT NULL,
	at TEXT NOT NULL,
	visible BOOLEAN NOT NULL,
	playing BOOLEAN NOT NULL,
	input BOOLEAN NOT NULL,
	CONSTRAINT pk_activity PRIMARY KEY (id),
	CONSTRAINT fk_activity_task_id_task FOREIGN KEY(task_id) REFERENCES task (id),
	CONSTRAINT fk_activity_person_id_person FOREIGN KEY(person_id) REFERENCES person (id)
)

CREATE INDEX ix_activity_task_id_fence ON activity (task_id, fence)

CREATE INDEX ix_activity_at ON activity (at)

CREATE TABLE worked (
	id BIGSERIAL NOT NULL,
	task_id TEXT NOT NULL,
	person_id TEXT NOT NULL,
	fence BIGINT NOT NULL,
	started_at TEXT NOT NULL,
	ended_at TEXT NOT NULL,
	CONSTRAINT pk_worked PRIMARY KEY (id),
	CONSTRAINT fk_worked_task_id_task FOREIGN KEY(task_id) REFERENCES task (id),
	CONSTRAINT fk_worked_person_id_person FOREIGN KEY(person_id) REFERENCES person (id)
)

CREATE INDEX ix_worked_ended_at ON worked (ended_at)

CREATE TABLE skip (
	id BIGSERIAL NOT NULL,
	task_id TEXT NOT NULL,
	person_id TEXT NOT NULL,
	fence BIGINT NOT NULL,
	at TEXT NOT NULL,
	kind TEXT NOT NULL,
	reason TEXT NOT NULL,
	code TEXT,
	CONSTRAINT pk_skip PRIMARY KEY (id),
	CONSTRAINT uq_skip_task_id_fence UNIQUE (task_id, fence),
	CONSTRAINT fk_skip_task_id_task FOREIGN KEY(task_id) REFERENCES task (id),
	CONSTRAINT fk_skip_person_id_person FOREIGN KEY(person_id) REFERENCES person (id)
)

CREATE INDEX ix_skip_at ON skip (at)

CREATE INDEX ix_skip_person_id_task_id ON skip (person_id, task_id)
