-- The database of a run. Every table has a UNIQUE or PRIMARY KEY over what a record is about, so that a record
-- written again is an error or nothing, never a second record.

-- What does not change during a run: digests of config, plugins, model and form; how it ended.
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

-- `record` is the whole task as JSON; `answer` in it is for evaluation only. `ending` says how exploring it
-- ended and stays NULL while it goes on.
CREATE TABLE task (
    id TEXT PRIMARY KEY,
    iteration INTEGER NOT NULL,
    split TEXT NOT NULL,
    number INTEGER NOT NULL,
    family TEXT NOT NULL,
    record TEXT NOT NULL,
    ending TEXT,
    reason TEXT,
    UNIQUE (iteration, split, number)
) STRICT;

-- `outcome`: open, winner, no-winner, dropped.
CREATE TABLE step (
    id INTEGER PRIMARY KEY,
    task TEXT NOT NULL REFERENCES task (id),
    depth INTEGER NOT NULL,
    prompt TEXT NOT NULL,
    prompt_tokens BLOB NOT NULL,
    outcome TEXT NOT NULL DEFAULT 'open',
    reason TEXT,
    winner INTEGER,
    UNIQUE (task, depth)
) STRICT;

-- `report` is NULL until it ran. `standing`: winner, co-winner, loser, abstained, vetoed.
CREATE TABLE candidate (
    step INTEGER NOT NULL REFERENCES step (id),
    number INTEGER NOT NULL,
    sampling TEXT NOT NULL,
    text TEXT NOT NULL,
    tokens BLOB NOT NULL,
    log_probs BLOB NOT NULL,
    finish TEXT NOT NULL,
    thought TEXT NOT NULL,
    code TEXT NOT NULL,
    ending TEXT,
    report TEXT,
    dependences TEXT,
    standing TEXT,
    PRIMARY KEY (step, number)
) STRICT;

-- The word of each verifier on each candidate that it was shown. `member` counts the panel's; one more is the word of all together.
-- `verifier` and `config` are digests, `revision` is the panel's, `place` is where the candidate stood when it was asked first.
CREATE TABLE judgement (
    step INTEGER NOT NULL,
    candidate INTEGER NOT NULL,
    member INTEGER NOT NULL,
    verifier TEXT NOT NULL,
    config TEXT NOT NULL,
    revision INTEGER NOT NULL,
    place INTEGER NOT NULL,
    verdict TEXT NOT NULL,
    score REAL,
    rationale TEXT NOT NULL,
    evidence TEXT NOT NULL,
    PRIMARY KEY (step, candidate, member),
    FOREIGN KEY (step, candidate) REFERENCES candidate (step, number)
) STRICT;

-- Panels of verifiers that the run has or had; 1 is the config's. `members` and `identities` are JSON lists.
CREATE TABLE revision (
    number INTEGER PRIMARY KEY,
    state TEXT NOT NULL,
    members TEXT NOT NULL,
    identities TEXT NOT NULL,
    at INTEGER NOT NULL,
    reason TEXT NOT NULL
) STRICT;

-- What a newcomer and an incumbent said of the same step.
CREATE TABLE trial (
    step INTEGER NOT NULL REFERENCES step (id),
    revision INTEGER NOT NULL REFERENCES revision (number),
    disagree INTEGER NOT NULL,
    row TEXT NOT NULL,
    PRIMARY KEY (step, revision)
) STRICT;

-- Every single answer of a verifier, in the order in which the candidates were shown.
CREATE TABLE asking (
    step INTEGER NOT NULL REFERENCES step (id),
    member INTEGER NOT NULL,
    asked INTEGER NOT NULL,
    shown TEXT NOT NULL,
    given TEXT NOT NULL,
    PRIMARY KEY (step, member, asked)
) STRICT;

CREATE TABLE pair (
    iteration INTEGER NOT NULL,
    number INTEGER NOT NULL,
    step INTEGER NOT NULL REFERENCES step (id),
    chosen INTEGER NOT NULL,
    rejected INTEGER NOT NULL,
    reference_chosen REAL,
    reference_rejected REAL,
    PRIMARY KEY (iteration, number),
    UNIQUE (step, chosen, rejected)
) STRICT;

-- `record` holds the steps of the single path.
CREATE TABLE evaluation (
    iteration INTEGER NOT NULL,
    task TEXT NOT NULL REFERENCES task (id),
    correct INTEGER NOT NULL,
    ending TEXT NOT NULL,
    answer TEXT,
    record TEXT NOT NULL,
    PRIMARY KEY (iteration, task)
) STRICT;

CREATE TABLE iteration (
    number INTEGER PRIMARY KEY,
    adapter TEXT,
    adapter_digest TEXT,
    outcome TEXT
) STRICT;

CREATE TABLE stage (
    iteration INTEGER NOT NULL,
    stage TEXT NOT NULL,
    done INTEGER NOT NULL DEFAULT 0,
    seconds REAL NOT NULL DEFAULT 0,
    result TEXT,
    PRIMARY KEY (iteration, stage)
) STRICT;

-- An adapter with its optimiser, `step` optimiser steps into a stage.
CREATE TABLE checkpoint (
    iteration INTEGER NOT NULL,
    stage TEXT NOT NULL,
    step INTEGER NOT NULL,
    folder TEXT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (iteration, stage, step)
) STRICT;

-- One optimiser step.
CREATE TABLE metric (
    iteration INTEGER NOT NULL,
    stage TEXT NOT NULL,
    step INTEGER NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (iteration, stage, step)
) STRICT;

CREATE TABLE event (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL
) STRICT;

CREATE INDEX step_of_task ON step (task);
