// packages/redis/src/zz-composed-bench.ts
import { execSync } from "node:child_process";

// packages/core/src/contracts/backend.ts
var BACKEND = /* @__PURE__ */ Symbol.for("@sched/backend");

// packages/core/src/contracts/broker-engine.ts
var PRIORITY_MIN = -20;
var PRIORITY_MAX = 20;
var BROKER_REQUIRED = ["publish", "claim", "extendLock", "ack", "nack", "pause", "resume"];

// packages/core/src/contracts/lock-adapter.ts
var LOCK_REQUIRED = ["acquire", "renew", "release", "isOwner"];

// packages/core/src/contracts/storage-engine.ts
var STORAGE_REQUIRED = ["save", "get", "list", "delete", "prune", "count"];

// packages/core/src/errors/sched-error.ts
var SchedError = class extends Error {
  code;
  ambiguous;
  constructor(code, message, options = {}) {
    super(message, options.cause === void 0 ? void 0 : { cause: options.cause });
    this.code = code;
    this.ambiguous = options.ambiguous ?? false;
  }
  get name() {
    return this.constructor.name;
  }
};
var InvalidArgumentError = class extends SchedError {
  constructor(message, options) {
    super("INVALID_ARGUMENT", message, options);
  }
};
var ValueUnserializableError = class extends SchedError {
  path;
  constructor(path, what) {
    super("VALUE_UNSERIALIZABLE", `${path}: ${what}`);
    this.path = path;
  }
};
var ValueTooLargeError = class extends SchedError {
  constructor(what, bytes, maxBytes) {
    super(
      "VALUE_TOO_LARGE",
      `${what} takes ${bytes} bytes encoded, more than the ${maxBytes} allowed: store the bulk elsewhere and keep a reference`
    );
  }
};
var LeaseLostError = class extends SchedError {
  constructor(message, options) {
    super("LEASE_LOST", message, options);
  }
};
var ClosedError = class extends SchedError {
  /** `what`: the thing that is closed, e.g. `the memory broker`. */
  constructor(what) {
    super("CLOSED", `${what} is closed: create a new one`);
  }
};
var UnavailableError = class extends SchedError {
  constructor(message, options) {
    super("UNAVAILABLE", message, options);
  }
};
var UnsupportedError = class extends SchedError {
  constructor(message, options) {
    super("UNSUPPORTED", message, options);
  }
};
var AdapterInvalidError = class extends SchedError {
  missing;
  constructor(message, missing = []) {
    super("ADAPTER_INVALID", message);
    this.missing = missing;
  }
};

// packages/core/src/adapters/declared-methods.ts
function declaredBy(inner, methods) {
  const found = Object.entries(methods).filter(([name]) => hasMethod(inner, name));
  return Object.fromEntries(found);
}
function hasMethod(target, name) {
  return typeof target[name] === "function";
}
function checkMethods(impl, what, required) {
  if (typeof impl !== "object" || impl === null) {
    throw new AdapterInvalidError(
      `the ${what} adapter must be an object with the methods ${required.join(", ")}, not ${impl === null ? "null" : typeof impl}`,
      required
    );
  }
  const missing = required.filter((name) => !hasMethod(impl, name));
  if (missing.length === 0) return;
  throw new AdapterInvalidError(
    `the ${what} adapter lacks ${missing.join(", ")}: add ${missing.length === 1 ? "this method" : "these methods"}, or pass what an adapter package made`,
    missing
  );
}

// packages/core/src/values/plain-values.ts
var UNUSUAL = /* @__PURE__ */ Symbol("unusual");
var room = 0;
var maxDepth = 0;
function copyPlain(value, limits) {
  room = limits.maxBytes;
  maxDepth = limits.maxDepth;
  const copy = copyPart(value, 0);
  return room < 0 ? UNUSUAL : copy;
}
function isPlainJson(value, limits) {
  room = limits.maxBytes;
  maxDepth = limits.maxDepth;
  return isPlainPart(value, 0) && room >= 0;
}
function copyPart(value, depth) {
  switch (typeof value) {
    case "string":
      return isPlainText(value) ? value : UNUSUAL;
    case "number":
      room -= 25;
      if (value === 0) return 0;
      return Number.isFinite(value) ? value : UNUSUAL;
    case "boolean":
      room -= 5;
      return value;
    case "object":
      if (value !== null) return Array.isArray(value) ? copyArray(value, depth) : copyRecord(value, depth);
      room -= 4;
      return null;
    default:
      return UNUSUAL;
  }
}
function copyArray(value, depth) {
  if (depth >= maxDepth) return UNUSUAL;
  room -= 2 + value.length;
  const copy = [];
  for (let i = 0; i < value.length; i++) {
    const part = copyPart(value[i], depth + 1);
    if (part === UNUSUAL) return UNUSUAL;
    copy.push(part);
  }
  return copy;
}
function copyRecord(value, depth) {
  if (!isRecord(value)) return isPlainDate(value) ? new Date(value.getTime()) : UNUSUAL;
  if (depth >= maxDepth) return UNUSUAL;
  const copy = { ...value };
  room -= 2;
  for (const key in copy) {
    if (!isPlainText(key)) return UNUSUAL;
    room -= 2;
    const item = copy[key];
    const part = copyPart(item, depth + 1);
    if (part === UNUSUAL) return UNUSUAL;
    if ((part !== item || item === 0) && Object.hasOwn(copy, key)) copy[key] = part;
  }
  return copy;
}
function isPlainPart(value, depth) {
  switch (typeof value) {
    case "string":
      return isPlainText(value);
    case "number":
      room -= 25;
      return Number.isFinite(value);
    case "boolean":
      room -= 5;
      return true;
    case "object":
      room -= 4;
      return value === null || isPlainObject(value, depth);
    default:
      return false;
  }
}
function isPlainObject(value, depth) {
  if (depth >= maxDepth) return false;
  if (Array.isArray(value)) {
    room -= value.length;
    for (let i = 0; i < value.length; i++) if (!isPlainPart(value[i], depth + 1)) return false;
    return true;
  }
  if (!isRecord(value)) return false;
  const record = value;
  for (const key in record) {
    room -= 2;
    if (!isPlainText(key) || key.charCodeAt(0) === 36 || !isPlainPart(record[key], depth + 1)) return false;
  }
  return true;
}
function isPlainText(text) {
  room -= 2 + text.length * 6;
  return text.isWellFormed();
}
function isRecord(value) {
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  return Object.getOwnPropertySymbols(value).length === 0;
}
function isPlainDate(value) {
  if (!(value instanceof Date) || Number.isNaN(value.getTime())) return false;
  room -= 30;
  return true;
}

// packages/core/src/values/codec.ts
var MAX_VALUE_BYTES = 8 * 1024 * 1024;
var MAX_VALUE_DEPTH = 100;
var DEFAULT_LIMITS = { maxBytes: MAX_VALUE_BYTES, maxDepth: MAX_VALUE_DEPTH };
function limitsOf(options) {
  return options?.maxBytes === void 0 ? DEFAULT_LIMITS : { maxBytes: options.maxBytes, maxDepth: MAX_VALUE_DEPTH };
}
var DATE_KEY = /^\$+date$/;
function copyValue(value, options) {
  const copy = copyPlain(value, limitsOf(options));
  return copy === UNUSUAL ? copyWithCare(value, options) : copy;
}
function copyWithCare(value, options = {}) {
  const walk = new Walk(options, false);
  const result = walk.visit(value, 0);
  walk.checkSize(() => JSON.stringify(new Walk(options, true).visit(value, 0)));
  return result;
}
function encodeValue(value, options) {
  return isPlainJson(value, limitsOf(options)) ? JSON.stringify(value) : encodeWithCare(value, options);
}
function encodeWithCare(value, options = {}) {
  const walk = new Walk(options, true);
  const text = JSON.stringify(walk.visit(value, 0));
  walk.checkSize(() => text);
  return text;
}
function decodeValue(text, root = "value") {
  let raw;
  try {
    raw = JSON.parse(text);
  } catch (cause) {
    throw new ValueUnserializableError(root, `not valid JSON (${cause.message})`);
  }
  return text.includes('date"') ? revive(raw) : raw;
}
function equalValues(a2, b2) {
  if (a2 === b2) return true;
  if (typeof a2 !== "object" || typeof b2 !== "object" || a2 === null || b2 === null) return false;
  if (a2 instanceof Date || b2 instanceof Date)
    return a2 instanceof Date && b2 instanceof Date && a2.getTime() === b2.getTime();
  if (Array.isArray(a2) || Array.isArray(b2)) {
    return Array.isArray(a2) && Array.isArray(b2) && a2.length === b2.length && a2.every((item, i) => equalValues(item, b2[i]));
  }
  const left = a2;
  const right = b2;
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length && keys.every((key) => Object.hasOwn(right, key) && equalValues(left[key], right[key]));
}
var MAX_NAME_BYTES = 1024;
function checkName(name, what, maxBytes = MAX_NAME_BYTES) {
  if (typeof name !== "string")
    throw new InvalidArgumentError(`${what} must be a string, not ${describe(name)}`);
  if (name.length === 0) throw new InvalidArgumentError(`${what} must not be empty`);
  if (name.includes("\0")) throw new InvalidArgumentError(`${what} must not contain a NUL character`);
  if (!name.isWellFormed())
    throw new InvalidArgumentError(`${what} must be well-formed Unicode: it has a lone surrogate`);
  if (name.length * 3 > maxBytes) {
    const bytes = Buffer.byteLength(name);
    if (bytes > maxBytes)
      throw new InvalidArgumentError(`${what} must be at most ${maxBytes} bytes, not ${bytes}`);
  }
}
var Walk = class {
  #root;
  #maxBytes;
  #text;
  #open = [];
  #path = [];
  /** An upper bound of the encoded bytes: exact counting is only worth it near the limit. */
  #bound = 0;
  constructor(options, text) {
    this.#root = options.root ?? "value";
    this.#maxBytes = options.maxBytes ?? MAX_VALUE_BYTES;
    this.#text = text;
  }
  checkSize(encoded) {
    if (this.#bound <= this.#maxBytes) return;
    const bytes = Buffer.byteLength(encoded());
    if (bytes > this.#maxBytes) throw new ValueTooLargeError(this.#root, bytes, this.#maxBytes);
  }
  visit(value, depth) {
    switch (typeof value) {
      case "string":
        this.#string(value);
        return value;
      case "number":
        if (!Number.isFinite(value)) throw this.#fail(`${value} cannot be stored; use null or a string`);
        this.#bound += 25;
        return value === 0 ? 0 : value;
      case "boolean":
        this.#bound += 5;
        return value;
      case "object":
        if (value === null) {
          this.#bound += 4;
          return null;
        }
        return this.#object(value, depth);
      case "undefined":
        throw this.#fail("undefined cannot be stored; use null");
      default:
        throw this.#fail(`a ${typeof value} cannot be stored`);
    }
  }
  #object(value, depth) {
    if (value instanceof Date) return this.#date(value);
    if (depth >= MAX_VALUE_DEPTH) throw this.#fail(`nested deeper than ${MAX_VALUE_DEPTH} levels`);
    if (this.#open.includes(value)) throw this.#fail("refers back to an object that contains it (a cycle)");
    this.#open.push(value);
    const result = Array.isArray(value) ? this.#array(value, depth) : this.#record(value, depth);
    this.#open.pop();
    return result;
  }
  #array(value, depth) {
    this.#bound += 2 + value.length;
    const result = new Array(value.length);
    for (let i = 0; i < value.length; i++) {
      const item = value[i];
      this.#path.push(i);
      if (item === void 0) {
        this.#bound += 4;
        result[i] = null;
      } else result[i] = this.visit(item, depth + 1);
      this.#path.pop();
    }
    return result;
  }
  #record(value, depth) {
    const prototype = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null && Object.getPrototypeOf(prototype) !== null) {
      throw this.#fail(
        `an instance of ${value.constructor?.name ?? "a class"} cannot be stored; convert it to a plain object`
      );
    }
    if (Object.getOwnPropertySymbols(value).length > 0) throw this.#fail("a symbol key cannot be stored");
    const record = value;
    const keys = Object.keys(record);
    const result = {};
    this.#bound += 2;
    let kept = 0;
    for (const key of keys) {
      const item = record[key];
      if (item === void 0) continue;
      kept++;
      this.#path.push(key);
      this.#string(key);
      this.#bound += 2;
      put(result, key, this.visit(item, depth + 1));
      this.#path.pop();
    }
    if (this.#text && kept === 1) return escapeDateKey(result);
    return result;
  }
  #date(value) {
    const ms = value.getTime();
    if (Number.isNaN(ms)) throw this.#fail("an invalid Date cannot be stored");
    this.#bound += 30;
    return this.#text ? { $date: ms } : new Date(ms);
  }
  #string(text) {
    this.#bound += 2 + text.length * 6;
    if (!text.isWellFormed()) throw this.#fail("the text has a lone surrogate and cannot be stored");
  }
  #fail(what) {
    return new ValueUnserializableError(joinPath(this.#root, this.#path), what);
  }
};
function put(record, key, value) {
  if (key === "__proto__")
    Object.defineProperty(record, key, { value, enumerable: true, configurable: true, writable: true });
  else record[key] = value;
}
function escapeDateKey(record) {
  const key = Object.keys(record)[0];
  return DATE_KEY.test(key) ? { [`$${key}`]: record[key] } : record;
}
function revive(value) {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) value[i] = revive(value[i]);
    return value;
  }
  const record = value;
  const keys = Object.keys(record);
  if (keys.length === 1 && DATE_KEY.test(keys[0])) {
    const key = keys[0];
    return key === "$date" ? new Date(record[key]) : { [key.slice(1)]: revive(record[key]) };
  }
  for (const key of keys) put(record, key, revive(record[key]));
  return record;
}
function joinPath(root, path) {
  return path.reduce((text, part) => {
    if (typeof part === "number") return `${text}[${part}]`;
    return /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(part) ? `${text}.${part}` : `${text}[${JSON.stringify(part)}]`;
  }, root);
}
function describe(value) {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return typeof value === "undefined" ? "undefined" : `a ${typeof value}`;
}

// packages/core/src/adapters/name-prefix.ts
function namePrefix(scope) {
  checkName(scope, "scope");
  const prefix = `${scope}:`;
  const room2 = MAX_NAME_BYTES - Buffer.byteLength(prefix);
  return {
    add(name, what) {
      checkName(name, what, room2);
      return prefix + name;
    },
    strip: (prefixed) => prefixed.startsWith(prefix) ? prefixed.slice(prefix.length) : void 0
  };
}

// packages/core/src/adapters/namespaced-broker.ts
function namespacedBroker(inner, scope) {
  const prefix = namePrefix(scope);
  const scoped = (name) => prefix.add(name, "queue name");
  return {
    ready: async () => inner.ready?.(),
    ping: async () => inner.ping?.(),
    close: async () => inner.close?.(),
    get traits() {
      return inner.traits ?? {};
    },
    publish: async (name, id, delayMs, priority) => inner.publish(scoped(name), id, delayMs, priority),
    claim: async (name, consumerId, limit, leaseMs, strategy) => inner.claim(scoped(name), consumerId, limit, leaseMs, strategy),
    extendLock: async (id, consumerId, leaseMs, name, receipt) => inner.extendLock(id, consumerId, leaseMs, name === void 0 ? void 0 : scoped(name), receipt),
    ack: async (name, id, receipt) => inner.ack(scoped(name), id, receipt),
    nack: async (name, id, delayMs, receipt) => inner.nack(scoped(name), id, delayMs, receipt),
    pause: async (name) => inner.pause(scoped(name)),
    resume: async (name) => inner.resume(scoped(name)),
    ...declaredBy(inner, {
      claimBlocking: async (name, consumerId, leaseMs, timeoutMs, strategy, signal) => inner.claimBlocking(scoped(name), consumerId, leaseMs, timeoutMs, strategy, signal),
      claimLeases: async (name, consumerId, limit, leaseMs, options) => inner.claimLeases(scoped(name), consumerId, limit, leaseMs, options),
      publishMany: async (name, items) => inner.publishMany(scoped(name), items),
      ackMany: async (name, items) => inner.ackMany(scoped(name), items),
      nackMany: async (name, items) => inner.nackMany(scoped(name), items),
      extendMany: async (name, consumerId, leaseMs, items) => inner.extendMany(scoped(name), consumerId, leaseMs, items),
      remove: async (name, id) => inner.remove(scoped(name), id),
      has: async (name, ids) => inner.has(scoped(name), ids),
      size: async (name) => inner.size(scoped(name)),
      isPaused: async (name) => inner.isPaused(scoped(name)),
      nextDueIn: async (name) => inner.nextDueIn(scoped(name)),
      subscribe: async (names, onWake) => inner.subscribe(names.map(scoped), (prefixed) => {
        const name = prefix.strip(prefixed);
        if (name !== void 0) onWake(name);
      }),
      incarnation: async () => inner.incarnation()
    })
  };
}

// packages/core/src/adapters/namespaced-lock.ts
function namespacedLock(inner, scope) {
  const prefix = namePrefix(scope);
  const scoped = (key) => prefix.add(key, "lock key");
  return {
    ready: async () => inner.ready?.(),
    ping: async () => inner.ping?.(),
    close: async () => inner.close?.(),
    get traits() {
      return inner.traits ?? {};
    },
    acquire: async (key, ownerId, ttlMs) => inner.acquire(scoped(key), ownerId, ttlMs),
    renew: async (key, ownerId, ttlMs) => inner.renew(scoped(key), ownerId, ttlMs),
    release: async (key, ownerId) => inner.release(scoped(key), ownerId),
    isOwner: async (key, ownerId) => inner.isOwner(scoped(key), ownerId),
    ...declaredBy(inner, {
      acquireLease: async (key, ownerId, ttlMs) => inner.acquireLease(scoped(key), ownerId, ttlMs)
    })
  };
}

// packages/core/src/adapters/namespaced-storage.ts
function namespacedStorage(inner, scope) {
  return wrap(inner, namePrefix(scope));
}
function wrap(inner, prefix) {
  const scoped = (namespace) => prefix.add(namespace, "namespace");
  return {
    ready: async () => inner.ready?.(),
    ping: async () => inner.ping?.(),
    close: async () => inner.close?.(),
    get traits() {
      return inner.traits ?? {};
    },
    save: async (namespace, id, value) => inner.save(scoped(namespace), id, value),
    get: async (namespace, id) => inner.get(scoped(namespace), id),
    list: async (namespace, filter, options) => inner.list(scoped(namespace), filter, options),
    delete: async (namespace, id) => inner.delete(scoped(namespace), id),
    prune: async (namespace, beforeMs) => inner.prune(scoped(namespace), beforeMs),
    count: async (namespace, filter) => inner.count(scoped(namespace), filter),
    ...declaredBy(inner, {
      page: async (namespace, filter, options) => inner.page(scoped(namespace), filter, options),
      compareAndSet: async (namespace, id, expectedRev, value) => inner.compareAndSet(scoped(namespace), id, expectedRev, value),
      compareAndSetMany: async (namespace, items) => inner.compareAndSetMany(scoped(namespace), items),
      getMany: async (namespace, ids) => inner.getMany(scoped(namespace), ids),
      saveMany: async (namespace, records) => inner.saveMany(scoped(namespace), records),
      deleteMany: async (namespace, ids) => inner.deleteMany(scoped(namespace), ids),
      now: async () => inner.now(),
      index: async (namespace, fields) => inner.index(scoped(namespace), fields),
      within: (transaction) => wrap(inner.within(transaction), prefix)
    })
  };
}

// packages/core/src/contracts/job-record.ts
var JOB_STATES = ["pending", "running", "completed", "failed", "cancelled"];
var FINAL_STATES = ["completed", "failed", "cancelled"];
var DEFAULT_RETENTION = {
  completed: { ageMs: 36e5, count: 1e3 },
  cancelled: { ageMs: 36e5, count: 1e3 },
  failed: { ageMs: 14 * 864e5 }
};

// packages/core/src/contracts/job-store.ts
var OPERATION_DEADLINE_MS = 1e4;
var MAX_BATCH = 1e3;
var DEFAULT_MAX_CRASHES = 3;
var REMEMBER_MS = { made: 6e4, chosen: 6e5 };

// packages/core/src/store/job-arguments.ts
function checkedJob(job) {
  checkName(job.id, "id");
  checkName(job.type, "type");
  if (!Number.isInteger(job.priority) || job.priority < PRIORITY_MIN || job.priority > PRIORITY_MAX) {
    throw new InvalidArgumentError(
      `priority must be an integer from ${PRIORITY_MIN} to ${PRIORITY_MAX}, not ${String(job.priority)}`
    );
  }
  if (job.delayMs !== void 0 && job.runAt !== void 0)
    throw new InvalidArgumentError("give delayMs or runAt, not both");
  for (const what of ["delayMs", "expiresInMs", "rememberMs"])
    checkOptional(job[what], what, checkDuration);
  for (const what of ["runAt", "expiresAt"]) checkOptional(job[what], what, checkInstant);
  for (const what of ["maxRetries", "maxCrashes"]) checkOptional(job[what], what, checkCount);
  checkOptional(job.entityId, "entityId", checkName);
  if (job.delivery !== void 0 && job.delivery !== "at-least-once" && job.delivery !== "at-most-once")
    throw new InvalidArgumentError(
      `delivery must be at-least-once or at-most-once, not ${String(job.delivery)}`
    );
  if (job.occurrence) {
    checkName(job.occurrence.schedule, "occurrence.schedule");
    checkInstant(job.occurrence.due, "occurrence.due");
  }
  for (const state of FINAL_STATES) {
    const keep = job.retention?.[state];
    checkOptional(keep?.ageMs, `retention.${state}.ageMs`, checkDuration);
    checkOptional(keep?.count, `retention.${state}.count`, checkCount);
  }
  return {
    ...job,
    payload: copyValue(job.payload, { root: "payload" }),
    ...job.options ? { options: copyValue(job.options, { root: "options" }) } : {}
  };
}
function checkOutcomes(outcomes) {
  const ids = /* @__PURE__ */ new Set();
  for (const [index, outcome] of outcomes.entries()) {
    const root = `outcomes[${index}]`;
    if (ids.has(outcome.id))
      throw new InvalidArgumentError(`outcomes must name each job once, and ${outcome.id} is named twice`);
    ids.add(outcome.id);
    switch (outcome.kind) {
      case "complete":
        checkOptional(outcome.durationMs, `${root}.durationMs`, checkDuration);
        if (outcome.result !== void 0) copyValue(outcome.result, { root: `${root}.result` });
        break;
      case "retry":
      case "snooze":
        checkDuration(outcome.delayMs, `${root}.delayMs`);
        break;
      case "fail":
      case "cancel":
      case "release":
        break;
      default:
        throw new InvalidArgumentError(
          `${root}.kind must be complete, retry, fail, cancel, release or snooze, not ${String(outcome.kind)}`
        );
    }
  }
}
function checkClaimRequest(want) {
  checkName(want.worker, "want.worker");
  checkCount(want.limit, "want.limit", MAX_BATCH);
  for (const { type, limit, maxActive } of want.types) {
    checkName(type, "want.types.type");
    checkOptional(limit, "want.types.limit", checkCount);
    checkOptional(maxActive, "want.types.maxActive", checkPositive);
  }
}
function checkWorkerReport(report) {
  checkName(report.id, "worker.id");
  checkPositive(report.leaseMs, "worker.leaseMs");
  checkOptional(report.claimGraceMs, "worker.claimGraceMs", checkDuration);
}
function checkSweepLimits(limits) {
  checkOptional(limits.limit, "limit", checkPositive);
  checkOptional(limits.graceMs, "graceMs", checkDuration);
}
function checkChange(change) {
  switch (change.kind) {
    case "cancel":
    case "retry":
    case "promote":
    case "discard":
      return;
    case "reschedule":
      if (change.runAt === void 0 === (change.delayMs === void 0))
        throw new InvalidArgumentError("reschedule takes either runAt or delayMs");
      checkOptional(change.runAt, "runAt", checkInstant);
      checkOptional(change.delayMs, "delayMs", checkDuration);
      return;
    default:
      throw new InvalidArgumentError(
        `a change is cancel, retry, promote, reschedule or discard, not ${String(change.kind)}`
      );
  }
}
var DEFAULT_PAGE = 100;
function checkedQuery(query) {
  const { limit = DEFAULT_PAGE, state } = query;
  checkCount(limit, "limit", MAX_BATCH);
  const states = state === void 0 ? JOB_STATES : typeof state === "string" ? [state] : state;
  for (const name of states) {
    if (!JOB_STATES.includes(name))
      throw new InvalidArgumentError(`state must be one of ${JOB_STATES.join(", ")}, not ${String(name)}`);
  }
  return { limit, states };
}
function checkOptional(value, what, check) {
  if (value !== void 0) check(value, what);
}
function checkDuration(value, what) {
  if (typeof value !== "number" || !Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError(
      `${what} must be a number of milliseconds, 0 or more, not ${String(value)}`
    );
}
function checkInstant(value, what) {
  if (typeof value !== "number" || !Number.isFinite(value))
    throw new InvalidArgumentError(`${what} must be an instant in epoch milliseconds, not ${String(value)}`);
}
function checkCount(value, what, max = Number.MAX_SAFE_INTEGER) {
  if (!Number.isSafeInteger(value) || value < 0 || value > max)
    throw new InvalidArgumentError(`${what} must be an integer from 0 to ${max}, not ${String(value)}`);
}
function checkPositive(value, what) {
  if (!Number.isSafeInteger(value) || value <= 0)
    throw new InvalidArgumentError(`${what} must be a positive integer, not ${String(value)}`);
}

// packages/core/src/telemetry/logger.ts
var EmptyLogger = class {
  debug() {
  }
  info() {
  }
  warn() {
  }
  error() {
  }
};

// packages/core/src/values/clock.ts
var MAX_TIMEOUT_MS = 2 ** 31 - 1;
var SystemTimer = class {
  #handle;
  #fn;
  #due;
  constructor(delayMs, fn) {
    this.#fn = fn;
    this.#due = performance.now() + delayMs;
    this.#arm();
  }
  cancel() {
    clearTimeout(this.#handle);
  }
  #arm() {
    const left = this.#due - performance.now();
    if (left <= 0) this.#handle = setTimeout(this.#fn, 0);
    else this.#handle = setTimeout(() => this.#elapsed(), Math.min(Math.ceil(left), MAX_TIMEOUT_MS));
  }
  #elapsed() {
    if (performance.now() < this.#due) this.#arm();
    else this.#fn();
  }
};
var systemClock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delayMs, fn) => new SystemTimer(delayMs, fn)
};

// packages/core/src/store/composed/job-row.ts
var JOBS = "jobs";
var WORKERS = "workers";
var TYPES = "types";
var TALLIES = "tallies";
var RECONCILER = "reconciler";
var JOB_FIELDS = [
  "state",
  "type",
  "worker",
  "finishedAt",
  "keepUntil",
  "expiresAt",
  "dispatch",
  "entityId",
  "schedule"
];
function newRow(job, now, rev) {
  const notBefore = job.delayMs !== void 0 ? now + Math.ceil(job.delayMs) : job.runAt;
  const waits = notBefore !== void 0 && notBefore > now;
  return {
    id: job.id,
    type: job.type,
    state: "pending",
    payload: job.payload,
    priority: job.priority,
    createdAt: now,
    runAt: waits ? notBefore : now,
    notBefore: waits ? notBefore : void 0,
    finishedAt: null,
    expiresAt: job.expiresInMs !== void 0 ? now + job.expiresInMs : job.expiresAt,
    attempt: 0,
    failures: 0,
    crashes: 0,
    maxRetries: job.maxRetries ?? 0,
    maxCrashes: job.maxCrashes ?? DEFAULT_MAX_CRASHES,
    delivery: job.delivery ?? "at-least-once",
    retention: job.retention,
    rememberMs: job.rememberMs ?? REMEMBER_MS.made,
    fence: 0,
    entityId: job.entityId,
    occurrence: job.occurrence && { schedule: job.occurrence.schedule, due: job.occurrence.due },
    schedule: job.occurrence?.schedule,
    options: job.options,
    dispatch: "pending",
    rev
  };
}
function keepOf(row, state) {
  return row.retention?.[state] ?? DEFAULT_RETENTION[state];
}
function isJobRow(value) {
  if (typeof value !== "object" || value === null) return false;
  const row = value;
  return typeof row.id === "string" && typeof row.type === "string" && Number.isSafeInteger(row.rev) && JOB_STATES.includes(row.state) && Number.isSafeInteger(row.attempt) && typeof row.runAt === "number" && typeof row.priority === "number" && "payload" in row;
}
function isGone(value) {
  return typeof value === "object" && value !== null && value.state === "gone";
}
function endOf(row) {
  if (row.state === "gone") return row.was;
  return row.state === "pending" || row.state === "running" ? void 0 : row.state;
}
function isFinal(state) {
  return state !== "pending" && state !== "running";
}
function toRecord(row) {
  const { state } = row;
  return {
    id: row.id,
    type: row.type,
    payload: row.payload,
    state,
    priority: row.priority,
    createdAt: row.createdAt,
    runAt: row.runAt,
    startedAt: row.startedAt ?? null,
    finishedAt: row.endedAt ?? null,
    expiresAt: row.expiresAt ?? null,
    attempt: row.attempt,
    failures: row.failures,
    crashes: row.crashes,
    maxRetries: row.maxRetries,
    maxCrashes: row.maxCrashes,
    delivery: row.delivery,
    worker: row.worker ?? null,
    fence: row.fence,
    cancelRequested: row.cancelRequested ?? false,
    reason: state === "failed" || state === "cancelled" ? row.reason ?? null : null,
    error: row.error ?? null,
    result: row.result ?? null,
    entityId: row.entityId ?? null,
    occurrence: row.occurrence ?? null,
    options: row.options ?? null,
    ...row.raw === void 0 ? {} : { raw: row.raw }
  };
}
function toClaimed(row) {
  return {
    id: row.id,
    type: row.type,
    payload: row.payload,
    attempt: row.attempt,
    failures: row.failures,
    crashes: row.crashes,
    fence: row.fence,
    token: row.token ?? "",
    priority: row.priority,
    dueAt: row.runAt,
    createdAt: row.createdAt,
    expiresAt: row.expiresAt ?? null,
    maxRetries: row.maxRetries,
    delivery: row.delivery,
    entityId: row.entityId ?? null,
    occurrence: row.occurrence ?? null,
    options: row.options ?? null
  };
}

// packages/core/src/store/composed/in-parallel.ts
var LANES = 16;
async function inParallel(items, fn) {
  const results = new Array(items.length);
  let next = 0;
  let failure;
  const lane = async () => {
    while (next < items.length && !failure) {
      const index = next++;
      try {
        results[index] = await fn(items[index]);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(LANES, items.length) }, lane));
  if (failure) throw failure.error;
  return results;
}
function groupBy(items, keyOf2) {
  const groups = /* @__PURE__ */ new Map();
  for (const item of items) {
    const key = keyOf2(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}

// packages/core/src/store/composed/record-table.ts
var Unreadable = class {
  error;
  constructor(error) {
    this.error = error;
  }
};
var AS_IT_IS = { pack: (row) => row, unpack: (stored) => stored };
var RecordTable = class _RecordTable {
  #storage;
  #namespace;
  #health;
  #packing;
  constructor(storage, namespace, health, packing = AS_IT_IS) {
    this.#storage = storage;
    this.#namespace = namespace;
    this.#health = health;
    this.#packing = packing;
  }
  get fenced() {
    return this.#storage.compareAndSet !== void 0;
  }
  /** The same table inside the user's transaction. Throws UNSUPPORTED where the storage has no `within`. */
  within(transaction) {
    if (!this.#storage.within) {
      throw new UnsupportedError(
        "this storage adapter has no `within`, so it cannot insert in a transaction: leave `tx` out"
      );
    }
    return new _RecordTable(this.#storage.within(transaction), this.#namespace, this.#health, this.#packing);
  }
  /** One answer per id, in order; a record that cannot be decoded comes as {@link Unreadable} and hides no other. */
  async read(ids) {
    if (ids.length === 0) return [];
    if (ids.length === 1 || !this.#storage.getMany) return this.#readEach(ids);
    try {
      const records = await this.#call(() => this.#storage.getMany(this.#namespace, ids));
      return records.map((record) => this.#unpack(record));
    } catch (error) {
      if (isUndecodable(error)) return this.#readEach(ids);
      throw error;
    }
  }
  /** Stores what has no record yet: true, or false where there is one. */
  async insert(rows) {
    return this.#write(rows.map((row) => ({ id: row.id, expectedRev: null, value: this.#packing.pack(row) })));
  }
  /** Replaces each row whose record is still at the rev before: true, or false where it is not. */
  async replace(rows) {
    return this.#write(
      rows.map((row) => ({ id: row.id, expectedRev: row.rev - 1, value: this.#packing.pack(row) }))
    );
  }
  async find(filter, options) {
    const records = await this.#call(() => this.#storage.list(this.#namespace, filter, options));
    return records.map((record) => this.#unpack(record));
  }
  /** In id order, from behind `after`; `next` is null at the end. Without `page` in the storage: by offset. */
  async page(filter, limit, after) {
    if (this.#storage.page) {
      const records = await this.#call(
        () => this.#storage.page(this.#namespace, filter, { limit, ...after === null ? {} : { after } })
      );
      return {
        rows: records.map(({ value }) => this.#unpack(value)),
        next: records.length < limit ? null : records.at(-1)?.id ?? null
      };
    }
    const offset = Number(after ?? 0);
    const rows = await this.find(filter ?? {}, { limit, offset: Number.isSafeInteger(offset) ? offset : 0 });
    return { rows, next: rows.length < limit ? null : String(offset + rows.length) };
  }
  async count(filter) {
    return this.#call(() => this.#storage.count(this.#namespace, filter));
  }
  /** Deletes the records whose `finishedAt` is before `now`: atomic, record by record, on the server. */
  async prune(now) {
    return this.#call(() => this.#storage.prune(this.#namespace, now));
  }
  async delete(id) {
    return this.#call(() => this.#storage.delete(this.#namespace, id));
  }
  async #write(items) {
    if (items.length === 0) return [];
    const { compareAndSet, compareAndSetMany, saveMany } = this.#storage;
    if (compareAndSetMany && (items.length > 1 || !compareAndSet))
      return this.#call(() => this.#storage.compareAndSetMany(this.#namespace, items));
    if (compareAndSet) {
      return inParallel(
        items,
        ({ id, expectedRev, value }) => this.#call(() => this.#storage.compareAndSet(this.#namespace, id, expectedRev, value))
      );
    }
    const taken = await this.#takenIds(items);
    const free = items.filter(({ id }) => !taken.has(id));
    if (saveMany) await this.#call(() => this.#storage.saveMany(this.#namespace, free));
    else
      await inParallel(
        free,
        ({ id, value }) => this.#call(() => this.#storage.save(this.#namespace, id, value))
      );
    return items.map(({ id }) => !taken.has(id));
  }
  /** The base tier's inserts look first, and may still meet: its users were warned. */
  async #takenIds(items) {
    const ids = items.filter(({ expectedRev }) => expectedRev === null).map(({ id }) => id);
    const found = await this.read(ids);
    return new Set(ids.filter((_, index) => found[index] !== null));
  }
  #readEach(ids) {
    return inParallel(ids, async (id) => {
      try {
        return this.#unpack(await this.#call(() => this.#storage.get(this.#namespace, id)));
      } catch (error) {
        if (isUndecodable(error)) return new Unreadable(error);
        throw error;
      }
    });
  }
  #unpack(record) {
    return this.#packing.unpack(record);
  }
  #call(call) {
    return this.#health.watch(call);
  }
};
function isUndecodable(error) {
  return error instanceof SchedError && error.code === "VALUE_UNSERIALIZABLE";
}

// packages/core/src/store/composed/job-table.ts
var COMMON = {
  priority: 0,
  attempt: 0,
  failures: 0,
  crashes: 0,
  maxRetries: 0,
  maxCrashes: DEFAULT_MAX_CRASHES,
  delivery: "at-least-once",
  rememberMs: REMEMBER_MS.made,
  fence: 0
};
var COMMON_FIELDS = Object.entries(COMMON);
var JOB_PACKING = {
  pack(job) {
    if (job.state === "gone") return job;
    const packed = { ...job };
    for (const [field, common] of COMMON_FIELDS) if (packed[field] === common) packed[field] = void 0;
    return packed;
  },
  unpack: (stored) => isPackedJob(stored) ? { ...COMMON, ...stored } : stored
};
function isPackedJob(stored) {
  return typeof stored === "object" && stored !== null && JOB_STATES.includes(stored.state);
}
async function readJobs(table, ids) {
  const values = await table.read(ids);
  return values.map((value, index) => jobOf(ids[index], value));
}
function jobOf(id, value) {
  if (value === null || isGone(value) || isJobRow(value)) return value;
  if (value instanceof Unreadable) return { id, state: "undecodable", raw: void 0, rev: void 0 };
  const rev = typeof value === "object" ? value.rev ?? 0 : void 0;
  return {
    id,
    state: "undecodable",
    raw: encodeValue(value),
    rev: Number.isSafeInteger(rev) ? rev : void 0
  };
}
function undecodableRow(job, type, now) {
  return {
    id: job.id,
    type,
    state: "failed",
    payload: null,
    priority: 0,
    createdAt: now,
    runAt: now,
    endedAt: now,
    finishedAt: null,
    attempt: 0,
    failures: 0,
    crashes: 0,
    maxRetries: 0,
    maxCrashes: 1,
    delivery: "at-least-once",
    rememberMs: 0,
    fence: 0,
    reason: "undecodable",
    raw: job.raw,
    rev: (job.rev ?? 0) + 1
  };
}

// packages/core/src/store/composed/tallies.ts
import { randomUUID } from "node:crypto";
var NO_TALLY = { completed: 0, failed: 0, cancelled: 0, durationMs: 0 };
function finishOf(row, durationMs) {
  const state = endOf(row);
  return state === void 0 ? [] : [{ type: row.type, state, durationMs }];
}
var FOLD_AFTER_MS = 24 * 36e5;
var Tallies = class {
  #table;
  #time;
  #revisions;
  #logger;
  #shares = /* @__PURE__ */ new Map();
  #writing = Promise.resolve();
  constructor(table, time, revisions, logger) {
    this.#table = table;
    this.#time = time;
    this.#revisions = revisions;
    this.#logger = logger;
  }
  /** Resolves when they are stored. A storage that fails is tried again with the next ones; it never fails the caller. */
  async add(finishes) {
    if (finishes.length === 0) return;
    const shares = /* @__PURE__ */ new Set();
    for (const { type, state, durationMs = 0 } of finishes) {
      const share = this.#shareOf(type);
      const { now } = share;
      share.now = {
        ...now,
        [state]: now[state] + 1,
        durationMs: now.durationMs + (state === "completed" ? durationMs : 0)
      };
      shares.add(share);
    }
    this.#writing = this.#writing.then(() => this.#write([...shares]));
    await this.#writing;
  }
  /** By type, over all nodes. */
  async read() {
    const totals = /* @__PURE__ */ new Map();
    const rows = await this.#table.find({}, {});
    const folded = new Set(rows.map((row) => row.folded));
    for (const row of rows) {
      if (!folded.has(row.id)) totals.set(row.type, plus(totals.get(row.type) ?? NO_TALLY, row));
    }
    return totals;
  }
  /** Adds the shares of nodes that ended, up to `limit`, to the sums. Two at once do no harm. */
  async fold(limit) {
    if (!this.#table.fenced) return;
    const before = this.#time.now() - FOLD_AFTER_MS;
    for (const row of await this.#table.find({ sum: false, at: { $lt: before } }, { limit }))
      await this.#foldOne(row);
  }
  /** First added to the sum, which names it; then deleted; then the next. A reader leaves out what a sum names. */
  async #foldOne(row) {
    const id = `sum:${row.type}`;
    const old = await this.#readOne(id);
    if (old?.folded) await this.#table.delete(old.folded);
    if (old?.folded === row.id) return;
    const next = {
      ...plus(old ?? NO_TALLY, row),
      id,
      type: row.type,
      sum: true,
      at: Math.floor(this.#time.now()),
      finishedAt: null,
      folded: row.id,
      rev: old ? old.rev + 1 : this.#revisions.next()
    };
    const [stored] = old ? await this.#table.replace([next]) : await this.#table.insert([next]);
    if (stored) await this.#table.delete(row.id);
  }
  async #write(shares) {
    try {
      const refused = await this.#tryWrite(shares);
      for (const share of refused) await this.#reread(share);
      await this.#tryWrite(refused);
    } catch (error) {
      this.#logger.warn("the counters of finished jobs were not stored; the next settle tries again", {
        error
      });
    }
  }
  /** Resolves to those that were refused. */
  async #tryWrite(shares) {
    const known = shares.filter(({ stored }) => stored);
    const fresh = shares.filter(({ stored }) => !stored);
    const rows = [...known, ...fresh].map((share) => ({ share, row: this.#rowOf(share) }));
    const [replaced, inserted] = await Promise.all([
      this.#table.replace(rows.slice(0, known.length).map(({ row }) => row)),
      this.#table.insert(rows.slice(known.length).map(({ row }) => row))
    ]);
    const answers = [...replaced, ...inserted];
    for (const [index, { share, row }] of rows.entries()) if (answers[index]) share.stored = row;
    return rows.filter((_, index) => !answers[index]).map(({ share }) => share);
  }
  /** Refused: an earlier write whose answer was lost; or this node stood still for so long that its share was folded. */
  async #reread(share) {
    const current = await this.#readOne(share.id);
    if (!current) {
      share.now = minus(share.now, share.stored ?? NO_TALLY);
      share.id = newShareId(share.type);
    }
    share.stored = current;
  }
  #rowOf({ id, type, stored, now }) {
    return {
      ...now,
      id,
      type,
      sum: false,
      at: Math.floor(this.#time.now()),
      finishedAt: null,
      rev: stored ? stored.rev + 1 : this.#revisions.next()
    };
  }
  async #readOne(id) {
    const [row] = await this.#table.read([id]);
    if (row instanceof Unreadable) throw row.error;
    return row ?? void 0;
  }
  #shareOf(type) {
    let share = this.#shares.get(type);
    if (!share) {
      share = { type, id: newShareId(type), stored: void 0, now: NO_TALLY };
      this.#shares.set(type, share);
    }
    return share;
  }
};
function newShareId(type) {
  return `${randomUUID()}:${type}`;
}
function plus(a2, b2) {
  return {
    completed: a2.completed + b2.completed,
    failed: a2.failed + b2.failed,
    cancelled: a2.cancelled + b2.cancelled,
    durationMs: a2.durationMs + b2.durationMs
  };
}
function minus(a2, b2) {
  return {
    completed: a2.completed - b2.completed,
    failed: a2.failed - b2.failed,
    cancelled: a2.cancelled - b2.cancelled,
    durationMs: a2.durationMs - b2.durationMs
  };
}

// packages/core/src/store/composed/take-back.ts
async function takeBack(parts, rows, change) {
  if (rows.length === 0) return [];
  const next = rows.map(change);
  const answers = await parts.jobs.replace(next);
  const stored = next.filter((_, index) => answers[index]);
  const taken = rows.filter((_, index) => answers[index]);
  await quietly(
    parts,
    "the broker was not told of jobs taken back; it delivers them when their leases end",
    async () => {
      await parts.queues.nack(taken.map(({ id, type, receipt }) => ({ id, type, receipt, delayMs: 0 })));
    }
  );
  await parts.dispatcher.publish(stored.filter((row) => row.state === "pending"));
  await parts.tallies.add(stored.flatMap((row) => finishOf(row)));
  return stored;
}
async function quietly(parts, message, work) {
  try {
    await work();
  } catch (error) {
    parts.logger.warn(message, { error });
  }
}

// packages/core/src/store/composed/transitions.ts
function claimed(row, { worker, token, receipt, now }) {
  const rev = row.rev + 1;
  return {
    ...row,
    state: "running",
    worker,
    token,
    receipt,
    startedAt: now,
    attempt: row.attempt + 1,
    fence: rev,
    dispatch: void 0,
    rev
  };
}
function finished(row, state, now, ending = {}) {
  const keep = keepOf(row, state);
  const ended = {
    ...row,
    state,
    endedAt: now,
    keepUntil: keep.ageMs === void 0 ? void 0 : now + keep.ageMs,
    finishedAt: keep.ageMs === void 0 ? null : now + Math.max(keep.ageMs, row.rememberMs),
    worker: void 0,
    receipt: void 0,
    notBefore: void 0,
    result: ending.result ?? row.result,
    reason: ending.reason ?? row.reason,
    error: ending.error ?? row.error,
    dispatch: void 0,
    rev: row.rev + 1
  };
  return keep.ageMs === 0 || keep.count === 0 ? forgotten({ ...ended, rev: row.rev }, now) : ended;
}
function forgotten(row, now) {
  const finishedAt = (row.endedAt ?? now) + row.rememberMs;
  return { id: row.id, type: row.type, state: "gone", was: endOf(row), finishedAt, rev: row.rev + 1 };
}
function backToPending(row, now, { runAt, giveBack, waits, takenBack }) {
  const attempt = giveBack ? row.attempt - 1 : row.attempt;
  if (row.cancelRequested) return finished({ ...row, attempt }, "cancelled", now);
  return {
    ...row,
    state: "pending",
    attempt,
    runAt,
    notBefore: waits ? runAt : void 0,
    worker: void 0,
    receipt: void 0,
    // the entry in the broker is given back under its receipt; where that fails, the reconciler publishes
    dispatch: takenBack ? "pending" : void 0,
    rev: row.rev + 1
  };
}
function crashed(row, now) {
  const counted = { ...row, crashes: row.crashes + 1, token: void 0 };
  if (counted.delivery === "at-most-once" || counted.crashes >= counted.maxCrashes)
    return finished(counted, "failed", now, { reason: "crashed" });
  return backToPending(counted, now, { runAt: row.runAt, takenBack: true });
}
function revived(row, now) {
  return {
    ...row,
    state: "pending",
    runAt: now,
    notBefore: void 0,
    endedAt: void 0,
    keepUntil: void 0,
    finishedAt: null,
    failures: 0,
    crashes: 0,
    reason: void 0,
    result: void 0,
    cancelRequested: void 0,
    token: void 0,
    expiresAt: row.expiresAt !== void 0 && row.expiresAt <= now ? void 0 : row.expiresAt,
    dispatch: "pending",
    rev: row.rev + 1
  };
}
function moved(row, now, runAt) {
  const waits = runAt > now;
  return {
    ...row,
    runAt: waits ? runAt : now,
    notBefore: waits ? runAt : void 0,
    dispatch: "pending",
    rev: row.rev + 1
  };
}
function cancelAsked(row, reason) {
  return { ...row, cancelRequested: true, reason: reason ?? row.reason, rev: row.rev + 1 };
}
function sent(row) {
  return { ...row, dispatch: void 0, rev: row.rev + 1 };
}
function isExpired(row, now) {
  return row.expiresAt !== void 0 && row.expiresAt <= now;
}

// packages/core/src/store/composed/change.ts
var MAX_READS = 8;
async function changeJobs(parts, ids, change) {
  const answers = /* @__PURE__ */ new Map();
  let open = [...new Set(ids)];
  for (let reads = 0; reads < MAX_READS && open.length > 0; reads++)
    open = await changeOnce(parts, open, change, answers);
  if (open.length > 0) {
    throw new UnavailableError(
      `job ${open[0]} was changed by others ${MAX_READS} times in a row: ask for the ${change.kind} again`
    );
  }
  return ids.map((id) => answers.get(id) ?? "missing");
}
async function changeOnce(parts, ids, change, answers) {
  const now = parts.now();
  const jobs = await readJobs(parts.jobs, ids);
  const writes = [];
  for (const [index, id] of ids.entries()) {
    const job = jobs[index] ?? null;
    if (job === null || job.state === "gone") answers.set(id, "missing");
    else if (job.state === "undecodable") answers.set(id, "refused");
    else {
      const next = changed(job, change, now);
      if (next && next !== job) writes.push(next);
      else answers.set(id, next ? "ok" : "refused");
    }
  }
  const stored = await parts.jobs.replace(writes);
  const done = writes.filter((_, index) => stored[index]);
  for (const { id } of done) answers.set(id, "ok");
  await tellOthers(parts, done);
  return writes.filter((_, index) => !stored[index]).map(({ id }) => id);
}
function changed(job, change, now) {
  const { state } = job;
  switch (change.kind) {
    case "cancel":
      if (state === "pending") return finished(job, "cancelled", now, { reason: change.reason });
      return state === "running" ? cancelAsked(job, change.reason) : void 0;
    case "retry":
      return state === "failed" || state === "cancelled" ? revived(job, now) : void 0;
    case "promote":
      if (state !== "pending") return void 0;
      return job.runAt > now ? moved(job, now, now) : job;
    case "reschedule":
      return state === "pending" ? moved(job, now, change.runAt ?? now + (change.delayMs ?? 0)) : void 0;
    case "discard":
      return state === "running" ? void 0 : forgotten(job, now);
  }
}
async function tellOthers(parts, rows) {
  const pending = rows.filter((row) => row.state === "pending");
  const ended = rows.filter((row) => row.state === "gone" || isFinal(row.state));
  await parts.dispatcher.publish(pending);
  await quietly(
    parts,
    "ended jobs stay in the broker until they are claimed",
    () => parts.queues.remove(ended)
  );
  await parts.tallies.add(ended.filter(({ state }) => state === "cancelled").flatMap((row) => finishOf(row)));
}

// packages/core/src/store/composed/claim-decisions.ts
var MAX_READS2 = 4;
var MISSING_DELAY_MS = 1e3;
var OUTAGE_DELAY_MS = 1e3;
var ACK = { kind: "ack" };
async function resolveLeases(parts, worker, token, leases) {
  const resolution = new Resolution(parts, worker, token);
  try {
    await resolution.run(leases);
  } catch (error) {
    if (resolution.claims.length === 0) throw error;
    parts.logger.warn("a claim ended early; what it has is run", { claims: resolution.claims.length, error });
  } finally {
    await resolution.tellBroker();
  }
  return resolution.claims;
}
var Resolution = class {
  claims = [];
  #parts;
  #worker;
  #token;
  #acks = [];
  #nacks = [];
  #finishes = [];
  constructor(parts, worker, token) {
    this.#parts = parts;
    this.#worker = worker;
    this.#token = token;
  }
  async run(leases) {
    let open = leases;
    for (let reads = 0; reads < MAX_READS2 && open.length > 0; reads++) open = await this.#round(open);
    this.#giveBack(open, 0);
  }
  /** Never rejects: what the broker is not told, its leases' ends tell it. */
  async tellBroker() {
    const { queues, tallies, logger } = this.#parts;
    const calls = [queues.ack(this.#acks), queues.nack(this.#nacks), tallies.add(this.#finishes)];
    for (const call of await Promise.allSettled(calls)) {
      if (call.status === "rejected")
        logger.warn("the broker was not told what its ids came to; their leases end", { error: call.reason });
    }
  }
  /** Resolves to those that were refused. */
  async #round(leases) {
    const jobs = await this.#orGiveBack(
      leases,
      () => readJobs(
        this.#parts.jobs,
        leases.map(({ id }) => id)
      )
    );
    const runners = jobs.flatMap((job) => job?.state === "running" && job.worker ? [job.worker] : []);
    const living = await this.#orGiveBack(leases, () => this.#parts.workers.living(runners));
    if (this.#parts.workers.isLate(this.#worker)) {
      this.#giveBack(leases, 0);
      return [];
    }
    const writes = [];
    for (const [index, leased] of leases.entries()) {
      const decision = this.#decide(leased, jobs[index] ?? null, living);
      if (decision.kind === "ack") this.#acks.push(leased);
      else if (decision.kind === "nack") this.#giveBack([leased], decision.delayMs);
      else writes.push({ leased, row: decision.row });
    }
    const stored = await this.#parts.jobs.replace(writes.map(({ row }) => row));
    for (const [index, { leased, row }] of writes.entries()) {
      if (!stored[index]) continue;
      if (row.state === "running") this.claims.push({ row, leased });
      else this.#acks.push(leased);
      this.#finishes.push(...finishOf(row));
    }
    return writes.filter((_, index) => !stored[index]).map(({ leased }) => leased);
  }
  #decide(leased, job, living) {
    const now = this.#parts.now();
    if (job === null) return this.#missing(leased);
    if (job.state === "undecodable") return this.#bury(job, leased.type, now);
    if (job.state === "gone" || isFinal(job.state) || job.type !== leased.type) return ACK;
    if (job.state === "pending") return this.#claim(job, leased, now);
    const until = living.get(job.worker ?? "");
    return until === void 0 ? this.#takeOver(job, leased, now) : later(until, now);
  }
  #claim(job, leased, now) {
    if (isExpired(job, now)) return write(finished(job, "failed", now, { reason: "expired" }));
    if (job.notBefore !== void 0 && job.notBefore > now) return later(job.notBefore, now);
    return write(claimed(job, { worker: this.#worker, token: this.#token, receipt: leased.receipt, now }));
  }
  /** From a dead worker: its crash is counted in the same write. */
  #takeOver(job, leased, now) {
    const back = crashed(job, now);
    return back.state === "pending" ? this.#claim({ ...back, rev: job.rev }, leased, now) : write(back);
  }
  #missing({ id, deliveries }) {
    const { missed } = this.#parts;
    const again = deliveries === void 0 ? missed.has(id) : deliveries > 1;
    if (again) missed.delete(id);
    else if (deliveries === void 0) missed.add(id);
    return again ? ACK : { kind: "nack", delayMs: MISSING_DELAY_MS };
  }
  #bury(job, type, now) {
    this.#parts.logger.error("a stored job cannot be read; it is a dead letter", { job: job.id, type });
    return job.rev === void 0 ? ACK : write(undecodableRow(job, type, now));
  }
  #giveBack(leases, delayMs) {
    for (const leased of leases) this.#nacks.push({ ...leased, delayMs });
  }
  async #orGiveBack(leases, read) {
    try {
      return await read();
    } catch (error) {
      this.#giveBack(leases, OUTAGE_DELAY_MS);
      throw error;
    }
  }
};
function write(row) {
  return { kind: "write", row };
}
function later(instant, now) {
  return { kind: "nack", delayMs: Math.max(1, Math.ceil(instant - now)) };
}

// packages/core/src/store/composed/claim-token.ts
import { randomBytes } from "node:crypto";
function newToken(worker) {
  return `${randomBytes(9).toString("base64url")}@${worker}`;
}
function workerOfToken(token) {
  const at = token.indexOf("@");
  return at < 0 ? "" : token.slice(at + 1);
}

// packages/core/src/store/composed/claimer.ts
var NOTHING = { jobs: [], nextDueInMs: null };
var SATURATED_POLL_MS = 1e3;
var Claimer = class {
  #parts;
  /** Types that gave nothing at the last claim: asked for little at first. */
  #empty = /* @__PURE__ */ new Set();
  #turn = 0;
  constructor(parts) {
    this.#parts = parts;
  }
  async claim(want) {
    const { workers, book } = this.#parts;
    const leaseMs = await workers.leaseOf(want.worker);
    if (leaseMs === void 0) return NOTHING;
    const candidates = this.#inTurn(want);
    const token = newToken(want.worker);
    const end = book.begin(token);
    try {
      const leases = await this.#lease(want, candidates, leaseMs);
      const [jobs, nextDueInMs] = await Promise.all([
        this.#take(want.worker, token, leases),
        this.#nextDueIn(candidates)
      ]);
      return { jobs, nextDueInMs };
    } finally {
      end();
    }
  }
  #inTurn({ types, limit }) {
    if (limit === 0 || types.length === 0) return [];
    const first = this.#turn++ % types.length;
    return [...types.slice(first), ...types.slice(0, first)].map((want) => ({ want, left: Math.min(want.limit ?? limit, limit), full: false })).filter(({ left }) => left > 0);
  }
  /** Rounds over the types, until nothing is wanted any more or nothing more comes. */
  async #lease({ worker, limit }, candidates, leaseMs) {
    const leases = [];
    let asked = candidates;
    while (asked.length > 0 && leases.length < limit) {
      const shares = this.#share(asked, limit - leases.length);
      const answers = await inParallel(shares, async ([candidate, share]) => {
        const got = await this.#leaseType(candidate.want, worker, share, leaseMs);
        candidate.left -= got.length;
        candidate.full = got.length >= share;
        if (got.length > 0) this.#empty.delete(candidate.want.type);
        else this.#empty.add(candidate.want.type);
        return got;
      });
      leases.push(...answers.flat());
      const unasked = asked.slice(shares.length);
      asked = [
        ...unasked,
        ...shares.map(([candidate]) => candidate).filter(({ full, left }) => full && left > 0)
      ];
    }
    return leases;
  }
  /** How many to ask each for: one of those that were empty, and the rest evenly of the others; `free` in all. */
  #share(candidates, free) {
    const asked = candidates.slice(0, free);
    const lively = asked.filter(({ want }) => !this.#empty.has(want.type));
    const eager = lively.length > 0 ? lively : asked;
    let rest = free - (asked.length - eager.length);
    let places = eager.length;
    return asked.map((candidate) => {
      if (!eager.includes(candidate)) return [candidate, 1];
      const share = Math.min(candidate.left, Math.ceil(rest / places--));
      rest -= share;
      return [candidate, share];
    });
  }
  async #leaseType(want, worker, limit, leaseMs) {
    const { queues, slots } = this.#parts;
    if (want.maxActive === void 0 || queues.holdsLimits)
      return queues.claim(want.type, worker, limit, leaseMs, want.maxActive);
    const keys = await slots.take(want.type, worker, limit, want.maxActive, leaseMs);
    const leases = keys.length === 0 ? [] : await queues.claim(want.type, worker, keys.length, leaseMs, void 0);
    for (const [index, { id }] of leases.entries()) slots.assign(worker, id, keys[index]);
    await slots.giveBack(worker, keys.slice(leases.length));
    return leases;
  }
  async #take(worker, token, leases) {
    const { book, dispatcher, slots } = this.#parts;
    const claims = await resolveLeases(this.#parts, worker, token, leases);
    for (const claim of claims) book.add(claim);
    const taken = new Set(claims.map(({ row }) => row.id));
    dispatcher.forget(taken);
    await slots.free(leases.map(({ id }) => id).filter((id) => !taken.has(id)));
    return claims.map(({ row }) => toClaimed(row));
  }
  async #nextDueIn(candidates) {
    if (candidates.some(({ full }) => full)) return 0;
    const dues = await inParallel(candidates, async ({ want }) => {
      const due = await this.#parts.queues.nextDueIn(want.type);
      return due === 0 && want.maxActive !== void 0 ? SATURATED_POLL_MS : due;
    });
    return dues.reduce((first, due) => due === null || first !== null && first < due ? first : due, null);
  }
};

// packages/core/src/store/composed/heartbeat.ts
var PAGE = 500;
async function beat(parts, report, held) {
  return parts.book.watching(async (underWay) => {
    const alive = await parts.workers.renew(report);
    const running = await runningOf(parts, report.id);
    const tokens = new Map(running.map((row) => [row.id, row.token]));
    const known = new Map(held.map(({ id, token }) => [id, token]));
    const lost = held.filter(({ id, token }) => tokens.get(id) !== token).map(({ id }) => id);
    const cancelRequested = running.filter((row) => row.cancelRequested && known.get(row.id) === row.token).map(({ id }) => id);
    if (alive) await settleUp(parts, report, running, known, underWay);
    return { alive, lost, cancelRequested };
  });
}
async function settleUp(parts, report, running, known, underWay) {
  const leaving = report.phase === "leave";
  const before = parts.now() - (leaving ? 0 : report.claimGraceMs ?? OPERATION_DEADLINE_MS);
  const isUnknown = (row) => leaving || known.get(row.id) !== row.token && !underWay.has(row.token ?? "") && (row.startedAt ?? 0) <= before;
  const unknown = running.filter(isUnknown);
  await release(parts, unknown);
  if (leaving) {
    await parts.workers.leave(report.id);
    await quietly(
      parts,
      "a leaving worker\u2019s type limits were not given back; they end with their leases",
      () => parts.slots.leave(report.id)
    );
    return;
  }
  const stored = new Map(running.map((row) => [row.id, row.token]));
  const ended = parts.book.dropEnded(report.id, stored, underWay);
  const kept = running.filter((row) => !unknown.includes(row));
  await quietly(
    parts,
    "the broker\u2019s leases were not extended; the storage still says who runs what",
    async () => {
      await parts.queues.extend(report.id, report.leaseMs, kept);
      await parts.slots.renew(report.id, report.leaseMs);
      await parts.slots.free(ended);
    }
  );
}
async function release(parts, rows) {
  const now = parts.now();
  await takeBack(
    parts,
    rows,
    (row) => backToPending(row, now, { runAt: row.runAt, giveBack: true, takenBack: true })
  );
}
async function runningOf(parts, worker) {
  const running = [];
  let after = null;
  do {
    const page = await parts.jobs.page({ worker, state: "running" }, PAGE, after);
    running.push(...page.rows.filter(isJobRow));
    after = page.next;
  } while (after !== null);
  return running;
}

// packages/core/src/store/composed/insert.ts
async function insertJobs(parts, jobs, transaction) {
  const table = transaction === void 0 ? parts.jobs : parts.jobs.within(transaction);
  const prepared = prepare(parts, jobs);
  const rows = [...new Set(prepared.filter((item) => !(item instanceof Error)))];
  await parts.types.learn(rows.map(({ type }) => type));
  const answers = /* @__PURE__ */ new Map();
  for (const [index, answer] of (await insertEach(table, rows)).entries()) answers.set(rows[index], answer);
  const inserted = rows.filter((row) => answers.get(row) === true);
  if (transaction === void 0) await parts.dispatcher.publish(inserted);
  else parts.dispatcher.watchCommit(inserted);
  return prepared.map((item) => {
    if (item instanceof Error) return item;
    const answer = answers.get(item);
    answers.set(item, false);
    return answer === true ? "inserted" : answer === false ? "exists" : answer;
  });
}
function prepare(parts, jobs) {
  const rows = /* @__PURE__ */ new Map();
  const now = parts.now();
  return jobs.map((job) => {
    try {
      const checked = checkedJob(job);
      const row = rows.get(job.id) ?? newRow(checked, now, parts.revisions.next());
      rows.set(job.id, row);
      return row;
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  });
}
async function insertEach(table, rows) {
  try {
    return await table.insert(rows);
  } catch (error) {
    if (!isAboutValue(error)) throw error;
    if (rows.length === 1) return [error];
    const half = Math.ceil(rows.length / 2);
    const answers = [
      ...await insertEach(table, rows.slice(0, half)),
      ...await insertEach(table, rows.slice(half))
    ];
    return ownInserts(table, rows, answers);
  }
}
async function ownInserts(table, rows, answers) {
  const refused = rows.filter((_, index) => answers[index] === false);
  const found = await table.read(refused.map(({ id }) => id));
  const own2 = new Set(
    refused.filter((row, index) => {
      const record = found[index];
      return record && "rev" in record && record.rev === row.rev;
    })
  );
  return answers.map((answer, index) => answer || own2.has(rows[index]));
}
function isAboutValue(error) {
  const codes = ["VALUE_TOO_LARGE", "VALUE_UNSERIALIZABLE", "INVALID_ARGUMENT"];
  return error instanceof SchedError && codes.includes(error.code);
}

// packages/core/src/store/composed/claim-book.ts
var ClaimBook = class {
  #claims = /* @__PURE__ */ new Map();
  #underWay = /* @__PURE__ */ new Set();
  #watchers = /* @__PURE__ */ new Set();
  get(id, token) {
    const claim = this.#claims.get(id);
    return claim?.row.token === token ? claim : void 0;
  }
  add(claim) {
    this.#claims.set(claim.row.id, claim);
  }
  remove(id, token) {
    if (this.get(id, token)) this.#claims.delete(id);
  }
  /**
   * Drops the worker's claims that ended elsewhere: those not among `running` (id → token, as stored), unless their token is in
   * `underWay`. Gives their ids.
   */
  dropEnded(worker, running, underWay) {
    const ended = [];
    for (const [id, { row }] of this.#claims) {
      if (row.worker !== worker || running.get(id) === row.token || underWay.has(row.token ?? "")) continue;
      this.#claims.delete(id);
      ended.push(id);
    }
    return ended;
  }
  /** From before a claim with this token is sent until what it gave is handed out. Call the result when it is over. */
  begin(token) {
    this.#underWay.add(token);
    for (const watcher of this.#watchers) watcher.add(token);
    return () => this.#underWay.delete(token);
  }
  /** Runs `watch` with the tokens of every claim under way at any time during it. */
  async watching(watch) {
    const tokens = new Set(this.#underWay);
    this.#watchers.add(tokens);
    try {
      return await watch(tokens);
    } finally {
      this.#watchers.delete(tokens);
    }
  }
};

// packages/core/src/store/composed/count-retention.ts
var MAX_REMEMBERED = 1e4;
var Finished = class {
  #rows = [];
  #start = 0;
  get size() {
    return this.#rows.length - this.#start;
  }
  push(row) {
    this.#rows.push(row);
  }
  shift() {
    const row = this.#rows[this.#start++];
    if (this.#start > 1e3 && this.#start * 2 > this.#rows.length) {
      this.#rows = this.#rows.slice(this.#start);
      this.#start = 0;
    }
    return row;
  }
};
var CountRetention = class {
  #jobs;
  #finished = /* @__PURE__ */ new Map();
  /** How many had ever finished when a type and state was trimmed last. */
  #trimmedAt = /* @__PURE__ */ new Map();
  constructor(jobs) {
    this.#jobs = jobs;
  }
  /**
   * The writes that end jobs, and with them those that keep the counts. The first `rows.length` answers belong to `rows`; the others
   * may be refused, when somebody changed or discarded the record before.
   */
  keep(rows, now) {
    if (!this.#jobs.fenced) return [...rows];
    const written = /* @__PURE__ */ new Map();
    const leaving = [];
    for (const row of rows) {
      written.set(row.id, row);
      if (row.state === "gone" || !isFinal(row.state)) continue;
      for (const old of this.#add(row, now)) {
        if (written.has(old.id)) written.set(old.id, { ...old, rev: old.rev - 1 });
        else leaving.push(old);
      }
    }
    return [...written.values(), ...leaving];
  }
  /**
   * Brings the counts down to what the retention of the newest record says, whoever finished it; up to `limit` records. `totals`: how
   * many ever finished, so that only what changed since the last round is looked at. Resolves to how many records went.
   */
  async trim(totals, limit, now) {
    let trimmed = 0;
    for (const [type, tally] of totals) {
      for (const state of FINAL_STATES) {
        const key = `${state}:${type}`;
        if (trimmed >= limit) return trimmed;
        if (tally[state] === this.#trimmedAt.get(key)) continue;
        const excess = await this.#excess(type, state, limit - trimmed);
        const gone = await this.#jobs.replace(excess.map((row) => forgotten(row, now)));
        trimmed += gone.filter(Boolean).length;
        this.#trimmedAt.set(key, tally[state]);
      }
    }
    return trimmed;
  }
  async #excess(type, state, limit) {
    const filter = { type, state };
    const [newest] = await this.#find(filter, "desc", 1);
    const keep = newest && keepOf(newest, state).count;
    if (keep === void 0) return [];
    const excess = await this.#jobs.count(filter) - keep;
    return excess > 0 ? this.#find(filter, "asc", Math.min(excess, limit)) : [];
  }
  async #find(filter, direction, limit) {
    const rows = await this.#jobs.find(filter, { limit, orderBy: { field: "endedAt", direction } });
    return rows.filter(isJobRow);
  }
  #add(row, now) {
    const state = row.state;
    const { count: count2 } = keepOf(row, state);
    if (count2 === void 0) return [];
    const key = `${state}:${row.type}`;
    let finished2 = this.#finished.get(key);
    if (!finished2) {
      finished2 = new Finished();
      this.#finished.set(key, finished2);
    }
    finished2.push(forgotten(row, now));
    const leaving = [];
    while (finished2.size > Math.min(count2, MAX_REMEMBERED)) leaving.push(finished2.shift());
    return leaving;
  }
};

// packages/core/src/store/composed/dispatcher.ts
var MARK_AFTER_MS = 1e3;
var RETRY_MS = 1e3;
var BATCH = 500;
var MAX_WAITING = 2e4;
var COMMIT_LOOKS_MS = [5, 20, 50, 200, 1e3, 5e3];
var Dispatcher = class {
  #queues;
  #jobs;
  #time;
  #clock;
  #logger;
  /** Published, their records not marked yet: since when, on the monotonic clock. */
  #unmarked = /* @__PURE__ */ new Map();
  #unpublished = /* @__PURE__ */ new Map();
  #looks = /* @__PURE__ */ new Set();
  #timer;
  #working = Promise.resolve();
  #closed = false;
  constructor(queues, jobs, time, clock, logger) {
    this.#queues = queues;
    this.#jobs = jobs;
    this.#time = time;
    this.#clock = clock;
    this.#logger = logger;
  }
  /** Never rejects: a job that is stored is accepted; where the broker fails, this is tried again later. */
  async publish(rows) {
    if (rows.length === 0) return;
    try {
      await this.#send(rows);
    } catch (error) {
      this.#logger.warn(
        "the broker did not take published jobs; they are stored, and published again later",
        {
          jobs: rows.length,
          error
        }
      );
      this.#keep(this.#unpublished, rows, (row) => row);
      this.#arm(RETRY_MS);
    }
  }
  /** Rejects as the broker does. */
  async #send(rows) {
    await this.#queues.publish(rows.map((row) => publicationOf(row, this.#time.now())));
    if (!this.#jobs.fenced) return;
    const since = this.#clock.monotonic();
    this.#keep(this.#unmarked, rows, (row) => ({ row, since }));
    this.#arm(MARK_AFTER_MS);
  }
  /** These were claimed here: their records say so already. */
  forget(ids) {
    if (this.#unmarked.size > 0) for (const id of ids) this.#unmarked.delete(id);
  }
  /** Publishes records that a user's transaction saved, soon after its commit made them visible. */
  watchCommit(rows, looks = COMMIT_LOOKS_MS) {
    const [delayMs, ...later2] = looks;
    if (delayMs === void 0 || this.#closed || rows.length === 0) return;
    const timer = this.#clock.after(delayMs, () => {
      this.#looks.delete(timer);
      this.#background(async () => {
        const found = await this.#jobs.read(rows.map(({ id }) => id));
        const visible = rows.filter((row, index) => {
          const record = found[index];
          return record && "rev" in record && record.rev === row.rev;
        });
        await this.publish(visible);
        this.watchCommit(
          rows.filter((row) => !visible.includes(row)),
          later2
        );
      });
    });
    this.#looks.add(timer);
  }
  /** Ends the timers and waits for what is under way. */
  async close() {
    this.#closed = true;
    this.#timer?.cancel();
    this.#timer = void 0;
    for (const timer of this.#looks) timer.cancel();
    await this.#working;
  }
  #arm(delayMs) {
    if (this.#timer || this.#closed) return;
    this.#timer = this.#clock.after(delayMs, () => {
      this.#background(async () => {
        try {
          await this.#publishAgain();
          await this.#mark();
        } finally {
          this.#timer = void 0;
          if (this.#unpublished.size > 0 || this.#unmarked.size > 0) this.#arm(RETRY_MS);
        }
      });
    });
  }
  #background(work) {
    this.#working = this.#working.then(work).catch((error) => {
      this.#logger.debug("dispatching in the background failed", { error });
    });
  }
  async #publishAgain() {
    while (this.#unpublished.size > 0 && !this.#closed) {
      const batch = [...this.#unpublished.values()].slice(0, BATCH);
      await this.#send(batch);
      for (const { id } of batch) this.#unpublished.delete(id);
    }
  }
  async #mark() {
    const until = this.#clock.monotonic() - MARK_AFTER_MS;
    const due = [];
    for (const { row, since } of this.#unmarked.values()) {
      if (since > until) break;
      due.push(row);
    }
    for (let start = 0; start < due.length && !this.#closed; start += BATCH) {
      const batch = due.slice(start, start + BATCH);
      this.forget(batch.map(({ id }) => id));
      await this.#jobs.replace(batch.map(sent));
    }
  }
  #keep(map, rows, entryOf) {
    for (const row of rows) {
      if (map.size >= MAX_WAITING) return;
      map.delete(row.id);
      map.set(row.id, entryOf(row));
    }
  }
};
function publicationOf(row, now) {
  const delayMs = row.notBefore === void 0 ? 0 : Math.max(0, Math.ceil(row.notBefore - now));
  return { id: row.id, type: row.type, delayMs, priority: row.priority };
}

// packages/core/src/store/composed/queues.ts
var Queues = class {
  #broker;
  constructor(broker) {
    this.#broker = broker;
  }
  /** True when the broker itself holds a type's limit over the cluster. */
  get holdsLimits() {
    return this.#broker.claimLeases !== void 0;
  }
  async claim(type, worker, limit, leaseMs, maxActive) {
    if (this.#broker.claimLeases) {
      const options = maxActive === void 0 ? {} : { maxActive };
      const leases = await this.#broker.claimLeases(type, worker, limit, leaseMs, options);
      return leases.map(({ id, receipt, deliveries }) => ({ id, type, receipt, deliveries }));
    }
    const ids = await this.#broker.claim(type, worker, limit, leaseMs);
    return ids.map((id) => ({ id, type }));
  }
  async publish(items) {
    await inParallel([...groupBy(items, ({ type }) => type)], async ([type, group]) => {
      if (this.#broker.publishMany) {
        const batch = group.map(({ id, delayMs, priority }) => ({ id, delayMs, priority }));
        await this.#broker.publishMany(type, batch);
      } else
        await inParallel(
          group,
          ({ id, delayMs, priority }) => this.#broker.publish(type, id, delayMs, priority)
        );
    });
  }
  /** False where the lease is gone. */
  ack(items) {
    return byType(items, async (type, group) => {
      if (this.#broker.ackMany) return this.#broker.ackMany(type, group.map(proof));
      return inParallel(
        group,
        async ({ id, receipt }) => await this.#broker.ack(type, id, receipt) !== false
      );
    });
  }
  /** False where the lease is gone. */
  nack(items) {
    return byType(items, async (type, group) => {
      if (this.#broker.nackMany) {
        const batch = group.map((item) => ({ ...proof(item), delayMs: item.delayMs }));
        return this.#broker.nackMany(type, batch);
      }
      return inParallel(
        group,
        async ({ id, receipt, delayMs }) => await this.#broker.nack(type, id, delayMs, receipt) !== false
      );
    });
  }
  /** False where the lease is gone. */
  extend(worker, leaseMs, items) {
    return byType(items, async (type, group) => {
      if (this.#broker.extendMany) return this.#broker.extendMany(type, worker, leaseMs, group.map(proof));
      return inParallel(group, ({ id, receipt }) => this.#extendOne(id, worker, leaseMs, type, receipt));
    });
  }
  /** Those that the broker does not have; all of them where it cannot say. */
  async absent(type, ids) {
    if (!this.#broker.has) return new Set(ids);
    const there = await this.#broker.has(type, ids);
    return new Set(ids.filter((_, index) => !there[index]));
  }
  /** Best effort: an entry that stays is acknowledged by whoever claims it. */
  async remove(items) {
    if (this.#broker.remove) await inParallel(items, ({ type, id }) => this.#broker.remove(type, id));
  }
  async nextDueIn(type) {
    return await this.#broker.nextDueIn?.(type) ?? null;
  }
  async setPaused(type, paused) {
    if (paused) await this.#broker.pause(type);
    else await this.#broker.resume(type);
  }
  /** Undefined where the broker cannot say. */
  async isPaused(type) {
    return this.#broker.isPaused?.(type);
  }
  /** Undefined where the broker cannot say whether it lost its data. */
  async incarnation() {
    return this.#broker.incarnation?.();
  }
  /** Undefined where the broker has no wakes. */
  subscribe(types, onWake) {
    return this.#broker.subscribe?.(types, onWake);
  }
  async #extendOne(id, worker, leaseMs, type, receipt) {
    try {
      await this.#broker.extendLock(id, worker, leaseMs, type, receipt);
      return true;
    } catch (error) {
      if (error instanceof SchedError && error.code === "LEASE_LOST") return false;
      throw error;
    }
  }
};
function proof({ id, receipt }) {
  return receipt === void 0 ? { id } : { id, receipt };
}
async function byType(items, call) {
  const answers = /* @__PURE__ */ new Map();
  await inParallel([...groupBy(items, ({ type }) => type)], async ([type, group]) => {
    const replies = await call(type, group);
    for (const [index, item] of group.entries()) answers.set(item, replies[index] ?? true);
  });
  return items.map((item) => answers.get(item) ?? true);
}

// packages/core/src/store/composed/revisions.ts
var Revisions = class {
  #time;
  #last = 0;
  constructor(time) {
    this.#time = time;
  }
  next() {
    this.#last = Math.max(this.#last + 1, Math.floor(this.#time.now() * 1e3));
    return this.#last;
  }
};

// packages/core/src/store/composed/storage-health.ts
var StorageHealth = class {
  #clock;
  #answeredAt;
  #failing = false;
  /** The latest outage: how long it lasted, and when it ended. */
  #outage = { ms: 0, endedAt: Number.NEGATIVE_INFINITY };
  constructor(clock) {
    this.#clock = clock;
    this.#answeredAt = clock.monotonic();
  }
  /** Passes `call` on, and notes whether the storage answered. */
  async watch(call) {
    try {
      const result = await call();
      this.#answered();
      return result;
    } catch (error) {
      if (error instanceof SchedError && error.code === "UNAVAILABLE") this.#failing = true;
      else this.#answered();
      throw error;
    }
  }
  /** Whether a worker with such a lease, now past it, had its chance to renew. */
  couldRenew(leaseMs) {
    const { ms, endedAt } = this.#outage;
    return ms < leaseMs || this.#clock.monotonic() >= endedAt + leaseMs;
  }
  #answered() {
    const now = this.#clock.monotonic();
    if (this.#failing) this.#outage = { ms: now - this.#answeredAt, endedAt: now };
    this.#failing = false;
    this.#answeredAt = now;
  }
};

// packages/core/src/store/composed/type-registry.ts
var MAX_TRIES = 10;
var TypeRegistry = class {
  #table;
  #queues;
  #revisions;
  #known = /* @__PURE__ */ new Set();
  constructor(table, queues, revisions) {
    this.#table = table;
    this.#queues = queues;
    this.#revisions = revisions;
  }
  /** Writes down types that are new here. */
  async learn(types) {
    const fresh = [...new Set(types)].filter((type) => !this.#known.has(type));
    if (fresh.length === 0) return;
    await this.#table.insert(fresh.map((type) => this.#newRow(type, false)));
    for (const type of fresh) this.#known.add(type);
  }
  async list() {
    return this.#table.find({}, {});
  }
  /** Resolves when both have it: no claim started afterwards gives anything of a paused type. */
  async setPaused(type, paused) {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const row = await this.#read(type);
      if (row?.paused === paused) break;
      const [stored] = row ? await this.#table.replace([{ ...row, paused, rev: row.rev + 1 }]) : await this.#table.insert([this.#newRow(type, paused)]);
      if (stored) break;
    }
    await this.#queues.setPaused(type, paused);
  }
  /**
   * Tells the broker again what it should know. Reads the truth again afterwards, so that a change made meanwhile is not undone.
   * `forgetful`: it lost its flags, so only the paused types matter.
   */
  async replay(forgetful) {
    const rows = await this.list();
    await inParallel(rows, async (row) => {
      if (forgetful && !row.paused) return;
      const told = forgetful ? false : await this.#queues.isPaused(row.id);
      if (told === row.paused || told === void 0 && !row.paused) return;
      let truth = row.paused;
      for (let tries = 0; tries < MAX_TRIES; tries++) {
        await this.#queues.setPaused(row.id, truth);
        const now = (await this.#read(row.id))?.paused ?? false;
        if (now === truth) return;
        truth = now;
      }
    });
  }
  #newRow(type, paused) {
    return { id: type, paused, finishedAt: null, rev: this.#revisions.next() };
  }
  async #read(type) {
    const [row] = await this.#table.read([type]);
    if (row instanceof Unreadable) throw row.error;
    return row ?? void 0;
  }
};

// packages/core/src/store/composed/type-slots.ts
var TypeSlots = class {
  #lock;
  /** Worker → keys it holds here. */
  #held = /* @__PURE__ */ new Map();
  #keyOfJob = /* @__PURE__ */ new Map();
  constructor(lock) {
    this.#lock = lock;
  }
  /** Takes up to `wanted` of the type's `maxActive` keys for `leaseMs`. */
  async take(type, worker, wanted, maxActive, leaseMs) {
    const mine = this.#keysOf(worker);
    const taken = [];
    const start = Math.floor(Math.random() * maxActive);
    for (let tries = 0; tries < maxActive && taken.length < wanted; tries++) {
      const key = `limit:${(start + tries) % maxActive}:${type}`;
      if (mine.has(key)) continue;
      mine.add(key);
      if (await this.#acquire(key, worker, leaseMs)) taken.push(key);
    }
    return taken;
  }
  /** A job stands on the key until {@link free}. */
  assign(worker, id, key) {
    this.#keyOfJob.set(id, { worker, key });
  }
  /** Gives back keys that no job stands on. */
  async giveBack(worker, keys) {
    const mine = this.#keysOf(worker);
    await inParallel(keys, async (key) => {
      mine.delete(key);
      await this.#lock.release(key, worker);
    });
  }
  /** The jobs ended; their keys are free again. */
  async free(ids) {
    for (const id of ids) {
      const place = this.#keyOfJob.get(id);
      if (!place) continue;
      this.#keyOfJob.delete(id);
      await this.giveBack(place.worker, [place.key]);
    }
  }
  /** Keeps the worker's keys as long as its lease. A key that was lost meanwhile is no longer its own. */
  async renew(worker, leaseMs) {
    const mine = this.#keysOf(worker);
    await inParallel([...mine], async (key) => {
      if (!await this.#lock.renew(key, worker, leaseMs)) mine.delete(key);
    });
  }
  async leave(worker) {
    await this.giveBack(worker, [...this.#keysOf(worker)]);
    this.#held.delete(worker);
  }
  #keysOf(worker) {
    let keys = this.#held.get(worker);
    if (!keys) {
      keys = /* @__PURE__ */ new Set();
      this.#held.set(worker, keys);
    }
    return keys;
  }
  async #acquire(key, worker, leaseMs) {
    const mine = this.#keysOf(worker);
    try {
      const taken = await this.#lock.acquire(key, worker, leaseMs);
      if (!taken) mine.delete(key);
      return taken;
    } catch (error) {
      mine.delete(key);
      throw error;
    }
  }
};

// packages/core/src/store/composed/worker-leases.ts
var DEAD_WORKER_KEPT_MS = 36e5;
var MAX_TRIES2 = 5;
var WorkerLeases = class {
  #table;
  #time;
  #clock;
  #revisions;
  /** The workers that beat through this store. */
  #known = /* @__PURE__ */ new Map();
  constructor(table, time, clock, revisions) {
    this.#table = table;
    this.#time = time;
    this.#clock = clock;
    this.#revisions = revisions;
  }
  /** Renews, or with phase `join` begins, the worker's lease. False: it is dead, or never joined. */
  async renew(report) {
    let row = this.#known.get(report.id)?.row ?? await this.#read(report.id);
    for (let tries = 0; tries < MAX_TRIES2; tries++) {
      if (row ? row.dead : report.phase !== "join") break;
      const sentAt = this.#clock.monotonic();
      const next = this.#renewed(report, row);
      const [stored] = row ? await this.#table.replace([next]) : await this.#table.insert([next]);
      if (stored) {
        this.#known.set(report.id, { row: next, lateAt: sentAt + report.leaseMs });
        return true;
      }
      row = await this.#read(report.id);
    }
    this.#known.delete(report.id);
    return false;
  }
  /** The lease under which the worker may claim now; undefined: it is dead, unknown, or past its lease. */
  async leaseOf(worker) {
    const known = this.#known.get(worker);
    if (known) return this.isLate(worker) ? void 0 : known.row.leaseMs;
    const row = await this.#read(worker);
    return row && !row.dead && row.until > this.#time.now() ? row.leaseMs : void 0;
  }
  /** Past its lease by this process's monotonic clock; false for a worker that beats elsewhere. */
  isLate(worker) {
    const known = this.#known.get(worker);
    return known !== void 0 && this.#clock.monotonic() >= known.lateAt;
  }
  /** Those that are not dead, with the end of their leases. */
  async living(workers) {
    const ids = [...new Set(workers)];
    const rows = await this.#table.read(ids);
    const living = /* @__PURE__ */ new Map();
    for (const [index, row] of rows.entries())
      if (row && !(row instanceof Unreadable) && !row.dead) living.set(ids[index], row.until);
    return living;
  }
  /** The worker ended; what it still ran was released before. */
  async leave(worker) {
    this.#known.delete(worker);
    await this.#table.delete(worker);
  }
  /**
   * Declares dead, by compare-and-set, up to `limit` workers whose lease ended before `now - graceMs` and for whom `allowed` holds.
   * Resolves to their ids.
   */
  async declareDead(limit, graceMs, allowed) {
    const now = Math.floor(this.#time.now());
    const late = await this.#table.find({ dead: false, until: { $lte: now - graceMs } }, { limit });
    const doomed = late.filter(allowed).map((row) => {
      return { ...row, dead: true, finishedAt: now + DEAD_WORKER_KEPT_MS, rev: row.rev + 1 };
    });
    const declared = await this.#table.replace(doomed);
    const dead = doomed.filter((_, index) => declared[index]).map(({ id }) => id);
    for (const id of dead) this.#known.delete(id);
    return dead;
  }
  async list() {
    return this.#table.find({}, {});
  }
  async prune() {
    await this.#table.prune(this.#time.now());
  }
  #renewed(report, row) {
    return {
      id: report.id,
      until: Math.ceil(this.#time.now()) + report.leaseMs,
      leaseMs: report.leaseMs,
      dead: false,
      finishedAt: null,
      info: report.info ?? row?.info ?? {},
      rev: row ? row.rev + 1 : this.#revisions.next()
    };
  }
  async #read(id) {
    const [row] = await this.#table.read([id]);
    if (row instanceof Unreadable) throw row.error;
    return row ?? void 0;
  }
};

// packages/core/src/store/composed/parts.ts
function composedParts(options) {
  const { storage, broker, lock, serverTime, clock, logger } = options;
  const health = new StorageHealth(clock);
  const revisions = new Revisions(serverTime);
  const queues = new Queues(broker);
  const jobs = new RecordTable(storage, JOBS, health, JOB_PACKING);
  return {
    jobs,
    reconciler: new RecordTable(storage, RECONCILER, health),
    queues,
    workers: new WorkerLeases(new RecordTable(storage, WORKERS, health), serverTime, clock, revisions),
    types: new TypeRegistry(new RecordTable(storage, TYPES, health), queues, revisions),
    tallies: new Tallies(new RecordTable(storage, TALLIES, health), serverTime, revisions, logger),
    counts: new CountRetention(jobs),
    book: new ClaimBook(),
    slots: new TypeSlots(lock),
    dispatcher: new Dispatcher(queues, jobs, serverTime, clock, logger),
    health,
    revisions,
    logger,
    missed: /* @__PURE__ */ new Set(),
    now: () => Math.floor(serverTime.now()),
    measure: () => health.watch(() => serverTime.measure())
  };
}

// packages/core/src/store/composed/query.ts
async function getJobs(parts, ids) {
  const jobs = await readJobs(parts.jobs, ids);
  return jobs.map((job) => {
    if (job === null || job.state === "gone") return null;
    return toRecord(job.state === "undecodable" ? undecodableRow(job, "", parts.now()) : job);
  });
}
async function listJobs(parts, { type, entityId, schedule, after }, { limit, states }) {
  if (limit === 0) return { jobs: [], after: after ?? null };
  const filter = {
    state: states.length === 1 ? states[0] : { $in: states },
    ...type === void 0 ? {} : { type },
    ...entityId === void 0 ? {} : { entityId },
    ...schedule === void 0 ? {} : { schedule }
  };
  const { rows, next } = await parts.jobs.page(filter, limit, after ?? null);
  return { jobs: rows.filter(isJobRow).map(toRecord), after: next };
}
async function countJobs(parts) {
  const [types, tallies] = await Promise.all([parts.types.list(), parts.tallies.read()]);
  const counts = await inParallel(types, async ({ id: type, paused }) => {
    const [pending, running] = await Promise.all([
      parts.jobs.count({ type, state: "pending" }),
      parts.jobs.count({ type, state: "running" })
    ]);
    const { completed, failed, cancelled, durationMs } = tallies.get(type) ?? NO_TALLY;
    return [type, { pending, running, completed, failed, cancelled, durationMs, paused }];
  });
  return { types: Object.fromEntries(counts) };
}
async function listWorkers(parts) {
  const rows = await parts.workers.list();
  return inParallel(rows, async ({ id, until, dead, info }) => {
    const running = await parts.jobs.count({ worker: id, state: "running" });
    return { id, until, dead, running, info };
  });
}

// packages/core/src/store/composed/reconciler.ts
var ROW_ID = "broker";
var DISPATCH_GRACE_MS = 2e3;
var AUDIT_GRACE_MS = 5e3;
var PAGE2 = 500;
var Reconciler = class {
  #parts;
  #rebuild;
  #runningAfter = null;
  #auditAfter = null;
  constructor(parts) {
    this.#parts = parts;
  }
  /** Rejects as the storage does; what the broker refuses is logged and tried again in the next round. */
  async sweep({ limit = MAX_BATCH, graceMs = 0 }) {
    const { workers, types, tallies, health } = this.#parts;
    const rebuilding = await this.#brokerStep(() => this.#rebuildRound(limit));
    const dead = await workers.declareDead(limit, graceMs, ({ leaseMs }) => health.couldRenew(leaseMs));
    const { recovered, failed } = await this.#takeBackRound(limit);
    const dispatched = await this.#brokerStep(() => this.#dispatchRound(limit));
    const expired = await this.#expireRound(limit);
    await this.#brokerStep(() => this.#auditRound(limit));
    const pruned = await this.#pruneRound(limit);
    await this.#brokerStep(() => types.replay(false));
    await tallies.fold(limit);
    const more = rebuilding === true || this.#runningAfter !== null || [dead.length, dispatched ?? 0, expired, pruned.changed].some((count2) => count2 >= limit);
    return { more, dead, recovered, crashed: failed, expired, pruned: pruned.total };
  }
  /** The broker's data is another than it was: pause flags first, then every unfinished job. True while there is more to replay. */
  async #rebuildRound(limit) {
    const { queues, reconciler, types, jobs } = this.#parts;
    const incarnation = await queues.incarnation();
    if (incarnation === void 0) return false;
    const known = await this.#readOwn();
    if (known?.incarnation === incarnation) {
      this.#rebuild = void 0;
      return false;
    }
    if (this.#rebuild?.incarnation !== incarnation) {
      if (known)
        this.#parts.logger.warn("the broker lost its data; its queues are made anew from the storage");
      await types.replay(true);
      this.#rebuild = { incarnation, after: null };
    }
    const filter = { state: { $in: ["pending", "running"] } };
    const { rows, next } = await jobs.page(filter, Math.min(limit, PAGE2), this.#rebuild.after);
    await this.#publish(rows.filter(isJobRow));
    this.#rebuild = { incarnation, after: next };
    if (next !== null) return true;
    const row = {
      id: ROW_ID,
      incarnation,
      finishedAt: null,
      rev: known ? known.rev + 1 : this.#parts.revisions.next()
    };
    await (known ? reconciler.replace([row]) : reconciler.insert([row]));
    this.#rebuild = void 0;
    return false;
  }
  /** Every running job whose worker was declared dead, whenever that was, or is unknown. */
  async #takeBackRound(limit) {
    const { jobs, workers } = this.#parts;
    let recovered = 0;
    let failed = 0;
    for (let read = 0; read < limit; read += PAGE2) {
      const { rows, next } = await jobs.page({ state: "running" }, Math.min(PAGE2, limit), this.#runningAfter);
      const running = rows.filter(isJobRow);
      const living = await workers.living(running.map(({ worker = "" }) => worker));
      const orphans = running.filter(({ worker = "" }) => !living.has(worker));
      const now = this.#parts.now();
      const stored = await takeBack(this.#parts, orphans, (row) => crashed(row, now));
      recovered += stored.filter(({ state }) => state === "pending").length;
      failed += stored.filter((row) => endOf(row) === "failed").length;
      this.#runningAfter = next;
      if (next === null) break;
    }
    return { recovered, failed };
  }
  /** Jobs whose publish nobody vouches for. Without compare-and-set the audit alone looks after them. */
  async #dispatchRound(limit) {
    const { jobs } = this.#parts;
    if (!jobs.fenced) return 0;
    const before = this.#parts.now() - DISPATCH_GRACE_MS;
    const filter = { dispatch: "pending", createdAt: { $lt: before } };
    const rows = (await jobs.find(filter, { limit })).filter(isJobRow);
    await this.#publish(rows);
    await jobs.replace(rows.map(sent));
    return rows.length;
  }
  async #expireRound(limit) {
    const { jobs, queues, tallies } = this.#parts;
    const now = this.#parts.now();
    const rows = (await jobs.find({ state: "pending", expiresAt: { $lte: now } }, { limit })).filter(isJobRow);
    const next = rows.map((row) => finished(row, "failed", now, { reason: "expired" }));
    const answers = await jobs.replace(next);
    const stored = next.filter((_, index) => answers[index]);
    await tallies.add(stored.flatMap((row) => finishOf(row)));
    await quietly(
      this.#parts,
      "expired jobs stay in the broker until they are claimed",
      () => queues.remove(stored)
    );
    return stored.length;
  }
  /** Overdue jobs that the broker does not have are published; on from where the last round ended, so that none starves. */
  async #auditRound(limit) {
    const { jobs, queues } = this.#parts;
    const filter = { state: "pending", runAt: { $lt: this.#parts.now() - AUDIT_GRACE_MS } };
    const { rows, next } = await jobs.page(filter, Math.min(limit, PAGE2), this.#auditAfter);
    for (const [type, group] of groupBy(rows.filter(isJobRow), (row) => row.type)) {
      const absent = await queues.absent(
        type,
        group.map(({ id }) => id)
      );
      await this.#publish(group.filter(({ id }) => absent.has(id)));
    }
    this.#auditAfter = next;
  }
  /** By age and by count; a record whose id must stay known becomes one that says just that. */
  async #pruneRound(limit) {
    const { jobs, counts, tallies, workers } = this.#parts;
    const now = this.#parts.now();
    const deleted = await jobs.prune(now);
    const aged = (await jobs.find({ keepUntil: { $lte: now } }, { limit })).filter(isJobRow);
    const answers = await jobs.replace(aged.map((row) => forgotten(row, now)));
    const trimmed = await counts.trim(await tallies.read(), limit, now);
    await workers.prune();
    const changed2 = answers.filter(Boolean).length + trimmed;
    return { total: deleted + changed2, changed: changed2 };
  }
  async #publish(rows) {
    const now = this.#parts.now();
    if (rows.length > 0) await this.#parts.queues.publish(rows.map((row) => publicationOf(row, now)));
  }
  /** A broker that is down does not keep the storage from being looked after. Undefined: it failed. */
  async #brokerStep(step) {
    let result;
    await quietly(
      this.#parts,
      "the broker could not be brought up to date; the next sweep tries again",
      async () => {
        result = await step();
      }
    );
    return result;
  }
  async #readOwn() {
    const [row] = await this.#parts.reconciler.read([ROW_ID]);
    if (row instanceof Unreadable) throw row.error;
    return row ?? void 0;
  }
};

// packages/core/src/store/composed/settle.ts
var MAX_READS3 = 8;
async function settleJobs(parts, outcomes) {
  if (outcomes.length === 0) return [];
  const settling = new Settling(parts);
  try {
    await settling.run(outcomes);
  } finally {
    await settling.tellBroker();
  }
  return settling.answers(outcomes);
}
var Settling = class {
  #parts;
  #answers = /* @__PURE__ */ new Map();
  /** Of jobs that nobody runs: only the life of the token's worker can tell what they are. */
  #ownerless = [];
  #written = [];
  constructor(parts) {
    this.#parts = parts;
  }
  async run(outcomes) {
    const { book, jobs } = this.#parts;
    const booked = [];
    const unbooked = [];
    for (const outcome of outcomes) {
      const claim = jobs.fenced ? book.get(outcome.id, outcome.token) : void 0;
      if (claim) booked.push(this.#plan(outcome, claim.row));
      else unbooked.push(outcome);
    }
    let open = [...unbooked, ...await this.#write(booked, true)];
    for (let reads = 0; reads < MAX_READS3 && open.length > 0; reads++) open = await this.#readAndWrite(open);
    if (open.length > 0) throw contended(open.length);
    await this.#judgeOwnerless();
  }
  /** Never rejects: what the broker is not told, its leases' ends tell it. */
  async tellBroker() {
    const { queues, slots, tallies, logger } = this.#parts;
    const acks = [];
    const returns = [];
    const finishes = [];
    for (const { outcome, receipt, row, counts } of this.#written) {
      const leased = { id: row.id, type: row.type, receipt };
      if (row.state === "pending") returns.push({ ...leased, delayMs: delayOf(outcome) });
      else acks.push(leased);
      if (counts)
        finishes.push(...finishOf(row, outcome.kind === "complete" ? outcome.durationMs : void 0));
    }
    const calls = [
      queues.ack(acks),
      this.#giveBack(returns),
      tallies.add(finishes),
      slots.free([...this.#answers.keys()].map(({ id }) => id))
    ];
    for (const call of await Promise.allSettled(calls)) {
      if (call.status === "rejected")
        logger.warn("the broker was not told of settled jobs; their leases end", { error: call.reason });
    }
  }
  answers(outcomes) {
    return outcomes.map((outcome) => this.#answers.get(outcome) ?? "stale");
  }
  /** An entry whose lease is gone may be gone itself: publishing is harmless where it is not. */
  async #giveBack(returns) {
    const kept = await this.#parts.queues.nack(returns);
    const lost = new Set(returns.filter((_, index) => !kept[index]).map(({ id }) => id));
    const rows = this.#written.map(({ row }) => row);
    await this.#parts.dispatcher.publish(
      rows.filter((row) => lost.has(row.id) && row.state === "pending")
    );
  }
  /** Resolves to those that must be read again. */
  async #write(plans, first) {
    const { jobs, counts, now } = this.#parts;
    const planned = plans.map(({ row }) => row);
    const rows = first ? counts.keep(planned, now()) : planned;
    let stored = [];
    try {
      stored = await jobs.replace(rows);
    } catch (error) {
      if (!(error instanceof SchedError && error.code === "UNAVAILABLE")) throw error;
    }
    for (const [index, { outcome, before }] of plans.entries()) {
      if (stored[index]) this.#accept({ outcome, receipt: before.receipt, row: rows[index], counts: true });
    }
    return plans.filter((_, index) => !stored[index]).map(({ outcome }) => outcome);
  }
  async #readAndWrite(outcomes) {
    const found = await readJobs(
      this.#parts.jobs,
      outcomes.map(({ id }) => id)
    );
    const plans = [];
    for (const [index, outcome] of outcomes.entries()) {
      const job = found[index] ?? null;
      if (job === null || job.state === "undecodable" || job.state === "gone") this.#ownerless.push(outcome);
      else if (job.token === outcome.token) {
        if (job.state === "running") plans.push(this.#plan(outcome, job));
        else this.#acceptApplied(outcome, job);
      } else if (job.state === "running") this.#answer(outcome, "stale");
      else this.#ownerless.push(outcome);
    }
    return this.#write(plans, false);
  }
  #plan(outcome, before) {
    return { outcome, before, row: settled(before, outcome, this.#parts.now()) };
  }
  /** It was settled before: by a write whose answer was lost, if the claim is still in the book, else by a call before this one. */
  #acceptApplied(outcome, row) {
    const claim = this.#parts.book.get(outcome.id, outcome.token);
    if (claim) this.#accept({ outcome, receipt: claim.leased.receipt, row, counts: true });
    else this.#answer(outcome, "ok");
  }
  #accept(written) {
    this.#written.push(written);
    this.#answer(written.outcome, "ok");
  }
  #answer(outcome, answer) {
    this.#answers.set(outcome, answer);
    this.#parts.book.remove(outcome.id, outcome.token);
  }
  /** A worker that lives settled it before; a dead one was too late. */
  async #judgeOwnerless() {
    if (this.#ownerless.length === 0) return;
    const living = await this.#parts.workers.living(this.#ownerless.map(({ token }) => workerOfToken(token)));
    for (const outcome of this.#ownerless)
      this.#answer(outcome, living.has(workerOfToken(outcome.token)) ? "ok" : "stale");
  }
};
function settled(row, outcome, now) {
  switch (outcome.kind) {
    case "complete":
      return finished(row, "completed", now, { result: outcome.result });
    case "retry": {
      const failures = row.failures + 1;
      const error = storedError(outcome.error);
      const failed = { ...row, failures, error };
      if (failures > row.maxRetries) return finished(failed, "failed", now, { reason: "error" });
      return backToPending(failed, now, { runAt: now + outcome.delayMs, waits: outcome.delayMs > 0 });
    }
    case "fail":
      return finished({ ...row, failures: row.failures + 1 }, "failed", now, {
        reason: outcome.reason,
        error: storedError(outcome.error)
      });
    case "cancel":
      return finished(row, "cancelled", now, { reason: outcome.reason });
    case "release":
      return backToPending(row, now, { runAt: row.runAt, giveBack: true });
    case "snooze":
      return backToPending(row, now, {
        runAt: now + outcome.delayMs,
        giveBack: true,
        waits: outcome.delayMs > 0
      });
  }
}
function delayOf(outcome) {
  return outcome.kind === "retry" || outcome.kind === "snooze" ? outcome.delayMs : 0;
}
function storedError({ name, message, code, stack }) {
  return {
    name: name.toWellFormed(),
    message: message.toWellFormed(),
    ...code === void 0 ? {} : { code: code.toWellFormed() },
    ...stack === void 0 ? {} : { stack: stack.toWellFormed() }
  };
}
function contended(outcomes) {
  return new UnavailableError(
    `${outcomes} outcomes were refused ${MAX_READS3} times in a row, as somebody keeps changing their jobs: settle them again`
  );
}

// packages/core/src/store/composed/composed-job-store.ts
var CLAIM_BACKOFF_MS = 1e3;
var ComposedJobStore = class {
  traits;
  #options;
  #parts;
  #claimer;
  #reconciler;
  #stops = /* @__PURE__ */ new Set();
  #closed = false;
  constructor(options) {
    this.#options = options;
    this.#parts = composedParts(options);
    this.#claimer = new Claimer(this.#parts);
    this.#reconciler = new Reconciler(this.#parts);
    this.traits = options.storage.traits ?? {};
  }
  /** Makes storage, broker and lock ready, names the fields to index, and measures the server's clock. */
  async ready() {
    const parts = this.#open();
    const { storage, broker, lock } = this.#options;
    await Promise.all([storage.ready?.(), broker.ready?.(), lock.ready?.()]);
    await Promise.all([storage.index?.(JOBS, JOB_FIELDS), parts.measure()]);
  }
  async ping() {
    this.#open();
    await Promise.all([this.#options.storage.ping?.(), this.#options.broker.ping?.()]);
  }
  /** Ends timers and subscriptions and waits for what is under way. The adapters stay open: they are their owner's. */
  async close() {
    this.#closed = true;
    await Promise.all([...this.#stops].map((stop) => stop()));
    await this.#parts.dispatcher.close();
  }
  async insert(jobs, options = {}) {
    return insertJobs(this.#open(), jobs, options.transaction);
  }
  async settle(outcomes, want) {
    const parts = this.#open();
    checkOutcomes(outcomes);
    if (want) checkClaimRequest(want);
    if (!want) return { settled: await settleJobs(parts, outcomes), ...NOTHING };
    if (outcomes.length === 0) return { settled: [], ...await this.#claimer.claim(want) };
    if (isIndependent(outcomes, want)) {
      const [settling, claiming] = await Promise.allSettled([
        settleJobs(parts, outcomes),
        this.#claimBeside(want)
      ]);
      if (claiming.status === "rejected") throw claiming.reason;
      if (settling.status === "fulfilled") return { settled: settling.value, ...claiming.value };
      await this.#release(claiming.value.jobs);
      throw settling.reason;
    }
    return { settled: await settleJobs(parts, outcomes), ...await this.#claimBeside(want) };
  }
  async heartbeat(worker, held) {
    const parts = this.#open();
    checkWorkerReport(worker);
    await parts.measure();
    return beat(parts, worker, held);
  }
  async sweep(limits) {
    const parts = this.#open();
    checkSweepLimits(limits);
    await parts.measure();
    return this.#reconciler.sweep(limits);
  }
  async get(ids) {
    return getJobs(this.#open(), ids);
  }
  async list(query) {
    const parts = this.#open();
    return listJobs(parts, query, checkedQuery(query));
  }
  async counts() {
    return countJobs(this.#open());
  }
  async change(ids, change) {
    const parts = this.#open();
    checkChange(change);
    return changeJobs(parts, ids, change);
  }
  async pause(type, paused) {
    const parts = this.#open();
    checkName(type, "type");
    await parts.types.setPaused(type, paused);
  }
  async workers() {
    return listWorkers(this.#open());
  }
  async subscribe(types, onWake) {
    const parts = this.#open();
    for (const type of types) checkName(type, "type");
    const stopListening = await parts.queues.subscribe(types, onWake);
    const stop = async () => {
      if (this.#stops.delete(stop)) await stopListening?.();
    };
    this.#stops.add(stop);
    return stop;
  }
  /** A claim that fails does not hide what became of the outcomes: the next one tells. */
  async #claimBeside(want) {
    try {
      return await this.#claimer.claim(want);
    } catch (error) {
      this.#parts.logger.warn("claiming failed; it is tried again", { error });
      return { jobs: [], nextDueInMs: CLAIM_BACKOFF_MS };
    }
  }
  /** Jobs that the caller will not hear of go back; where that fails, a heartbeat releases them. */
  async #release(jobs) {
    await quietly(
      this.#parts,
      "jobs claimed beside a failed settle stay claimed until a heartbeat",
      async () => {
        await settleJobs(
          this.#parts,
          jobs.map(({ id, token }) => ({ id, token, kind: "release" }))
        );
      }
    );
  }
  #open() {
    if (this.#closed) throw new ClosedError("the composed job store");
    return this.#parts;
  }
};
function isIndependent(outcomes, { types }) {
  const isEnd = ({ kind }) => kind === "complete" || kind === "fail" || kind === "cancel";
  return outcomes.every(isEnd) && types.every(({ maxActive }) => maxActive === void 0);
}

// packages/core/src/store/server-time.ts
var DRIFT = 2e-4;
var ServerTime = class {
  #storage;
  #clock;
  #sample;
  constructor(storage, clock) {
    this.#storage = storage;
    this.#clock = clock;
  }
  /** Epoch milliseconds of the storage server, fractions included. Before the first {@link measure}: the process's clock. */
  now() {
    if (!this.#sample) return this.#clock.now();
    return this.#sample.offset + this.#clock.monotonic();
  }
  /**
   * Measures anew, taking the server to have answered in the middle of the round trip. A slow answer does not replace a better
   * measurement that agrees with it; one that disagrees does (the server's clock was set). Rejects as the storage does.
   */
  async measure() {
    if (!this.#storage.now) return;
    const sentAt = this.#clock.monotonic();
    const server = await this.#storage.now();
    const answeredAt = this.#clock.monotonic();
    const taken = {
      offset: server - (sentAt + answeredAt) / 2,
      error: (answeredAt - sentAt) / 2,
      at: answeredAt
    };
    if (!this.#sample || !this.#keeps(this.#sample, taken)) this.#sample = taken;
  }
  #keeps(old, taken) {
    const error = old.error + (taken.at - old.at) * DRIFT;
    return error < taken.error && Math.abs(old.offset - taken.offset) <= error + taken.error;
  }
};

// packages/core/src/store/open-job-store.ts
function openJobStore(options) {
  const { adapters, scope, clock = systemClock } = options;
  checkAdapters(adapters);
  const storage = namespacedStorage(adapters.storage, scope);
  const lock = namespacedLock(adapters.lock, scope);
  const serverTime = new ServerTime(storage, clock);
  const { store, description } = chooseStore(options, { storage, lock, serverTime });
  return {
    store,
    storage,
    lock,
    serverTime,
    description,
    async ready() {
      await Promise.all([storage.ready?.(), adapters.broker.ready?.(), lock.ready?.()]);
      await store.ready?.();
      await serverTime.measure();
    },
    async close() {
      await store.close?.();
      await Promise.all([storage.close?.(), adapters.broker.close?.(), lock.close?.()]);
      await adapters.close?.();
    }
  };
}
function checkAdapters({ storage, broker, lock }) {
  checkMethods(storage, "storage", STORAGE_REQUIRED);
  checkMethods(broker, "broker", BROKER_REQUIRED);
  checkMethods(lock, "lock", LOCK_REQUIRED);
}
function chooseStore(options, { storage, lock, serverTime }) {
  const { adapters, scope, clock = systemClock, logger = new EmptyLogger() } = options;
  const durability = adapters.storage.traits?.durability;
  const fused = fuse(options);
  if (typeof fused !== "string") {
    const reason = "storage and broker share one backend";
    return { store: fused, description: { store: "fused", reason, tier: "fused", missing: [], durability } };
  }
  const missing = missingForFenced(adapters);
  if (missing.length > 0) refuseOrWarn(missing, options.requireFenced ?? false, logger);
  const broker = namespacedBroker(adapters.broker, scope);
  return {
    store: new ComposedJobStore({ storage, broker, lock, serverTime, clock, logger }),
    description: {
      store: "composed",
      reason: fused,
      tier: missing.length > 0 ? "base" : "fenced",
      missing,
      durability
    }
  };
}
function missingForFenced({ storage, broker }) {
  const missing = [];
  for (const name of ["compareAndSet", "page", "now"])
    if (!hasMethod(storage, name)) missing.push(`storage.${name}`);
  if (!hasMethod(broker, "claimLeases") && broker.traits?.receipts !== true)
    missing.push("broker.claimLeases");
  return missing;
}
function refuseOrWarn(missing, refuse, logger) {
  const lack = `the adapters lack ${missing.join(", ")}`;
  if (refuse) {
    throw new UnsupportedError(
      `requireFenced: ${lack}, so a stale finish could overwrite: use adapters that have them, or leave the option out`
    );
  }
  logger.warn(
    `${lack}: jobs run at least once, and a worker that was taken for dead may overwrite a later result`,
    {
      missing
    }
  );
}
function fuse({
  adapters: { storage, broker },
  scope,
  fuse: wanted = true
}) {
  if (!wanted) return "`fuse` is off";
  const backend = storage[BACKEND];
  if (!backend || backend !== broker[BACKEND]) return "storage and broker do not share a backend";
  return backend.fuse({ scope, storage, broker }) ?? "storage and broker share a backend, but differ in prefix or schema";
}

// packages/redis/src/errors.ts
var NOT_SENT = /Stream isn't writeable|Cluster isn't ready|None of startup nodes|ClusterAllFailed|Failed to refresh slots/;
var AGAIN = /\b(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY)\b/;
var BROKEN = /Connection is closed|Reached the max retries|ECONN|EPIPE|ETIMEDOUT|Socket (timeout|closed)|aborted due to|Cluster is ended|Too many Cluster redirections/;
var DENIED = /\bNOPERM\b|can't run this command|has no permissions|can't access at least one of the keys/;
var UNAUTHENTICATED = /\b(WRONGPASS|NOAUTH)\b|invalid (username-password|password)|Authentication required/;
function faultKind(error) {
  const message = messageOf(error);
  if (/^NOSCRIPT\b/.test(message)) return "noScript";
  if (NOT_SENT.test(message)) return "notSent";
  if (AGAIN.test(message)) return "again";
  return BROKEN.test(message) ? "broken" : "refused";
}
function isUnauthenticated(error) {
  return UNAUTHENTICATED.test(messageOf(error));
}
function isDenied(error) {
  return DENIED.test(messageOf(error));
}
function unavailable(what, error) {
  if (error instanceof SchedError) return error;
  const message = messageOf(error);
  const kind = faultKind(error);
  if (kind === "broken") {
    return new UnavailableError(
      `${what}: the connection broke before the answer came; it may have been applied`,
      {
        cause: error,
        ambiguous: true
      }
    );
  }
  return new UnavailableError(`${what}: ${explain(message)}`, { cause: error });
}
function explain(message) {
  if (/\bOOM\b/.test(message))
    return "Redis has reached maxmemory and takes no new data; raise maxmemory or keep finished jobs for a shorter time";
  if (/\bMISCONF\b/.test(message))
    return "Redis refuses writes because it cannot save to disk; free its disk, or see its log";
  if (/\bNOREPLICAS\b/.test(message))
    return "Redis refuses writes because too few replicas are connected (min-replicas-to-write)";
  if (isUnauthenticated(message)) return "Redis refused the credentials; check username and password";
  if (isDenied(message))
    return `the Redis user lacks a permission (${withoutScript(message)}); see docs/adapters/redis.md for the ACL it needs`;
  if (/\bCROSSSLOT\b/.test(message))
    return `keys of one call lie in several slots (${withoutScript(message)})`;
  if (/\bMOVED\b/.test(message))
    return "the server is a node of a Redis Cluster; pass `cluster: [{ host, port }]` or a Cluster client";
  return withoutScript(message);
}
function withoutScript(message) {
  return message.replace(/ script: [0-9a-f]{40},.*$/s, "");
}
function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}

// packages/redis/src/keys.ts
function escapePart(part) {
  return part.replace(
    /[%:{}]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`
  );
}
function tag(prefix, kind, part) {
  return `{${escapePart(prefix)}:${kind}:${escapePart(part)}}`;
}
function everyKeyOf(prefix) {
  return `{${escapePart(prefix).replace(/[*?[\]\\^]/g, "\\$&")}:*`;
}
function storageBase(prefix, namespace) {
  return tag(prefix, "s", namespace);
}
function lockKey(prefix, key) {
  return tag(prefix, "l", key);
}
function lockLeaseKey(prefix, key, ownerId) {
  return `${lockKey(prefix, key)}:${ownerId}`;
}
function jobBase(prefix, scope) {
  return tag(prefix, "j", scope);
}
function metaKey(prefix, name) {
  return `{${escapePart(prefix)}:m}${name}`;
}
function brokerBase(prefix, name) {
  const parts = name.split(":");
  return tag(prefix, "b", parts.length > 3 ? parts.slice(0, 3).join(":") : name);
}
function queueBase(prefix, name) {
  return `${brokerBase(prefix, name)}q:${escapePart(name)}:`;
}
function wakeKey(base, name) {
  return `${base}${WAKE_KEYS.WAKES}${escapePart(name)}`;
}
function hubsKey(base) {
  return base + WAKE_KEYS.HUBS;
}
function nudgeKey(base, hub) {
  return `${base}${WAKE_KEYS.NUDGE}${hub}`;
}
var WAKE_KEYS = { WAKES: "wake:", HUBS: "hubs", NUDGE: "nudge:" };
var STORAGE_KEYS = {
  /** Hash: id → `rev;pruneAt;value`. */
  VALUES: "v",
  /** Sorted set, all scores 0: the ids in byte order. */
  IDS: "i",
  /** Sorted set: id by the instant `prune` goes by. */
  PRUNE: "p"
};
var QUEUE_KEYS = {
  /** Hash: id → `priority,due,seq,deliveries`. */
  ENTRIES: "e",
  /** Sorted set of waiting members by (priority, due). */
  BY_PRIORITY: "p",
  /** Sorted set of the same members by due. */
  BY_DUE: "f",
  /** Sorted set of delayed members by due. */
  DELAYED: "d",
  /** Sorted set of leased ids by the end of the lease. */
  LEASED: "l",
  /** Hash: leased id → `receipt consumer`. */
  RECEIPTS: "r",
  /** There while the queue is paused. */
  PAUSED: "x",
  /** There while somebody was refused by `maxActive`. */
  LIMITED: "m",
  /** The last number given out: the publisher's order, and receipts. */
  SEQUENCE: "n"
};
var JOB_KEYS = {
  /** Hash: id → the static record. */
  BODIES: "b",
  /** Hash: id → attempts so far, failures, crashes, due, …: only of jobs that came back, or were moved. */
  CHANGES: "x",
  /** Hash: id → how it ended: of finished jobs that are kept. */
  ENDINGS: "f",
  /** List per priority and type: due + id, in due order. */
  READY: "r:",
  /** Hash: type → the priorities whose list is not empty, highest first; and under the empty name, there while something is delayed. */
  PRIORITIES: "np",
  /** Sorted set: sequence + priority + id + type, by due. */
  DELAYED: "z",
  /** Sorted set: pending ids that expire, by when. */
  EXPIRY: "e",
  /** Hash per worker: id → fence + due + the head of its record. */
  HELD: "h:",
  /** Sorted set: living workers by the end of their lease. */
  WORKERS: "w",
  /** Sorted set: dead workers by when they were declared dead. */
  DEAD: "wd",
  /** Hash: worker → what it says about itself. */
  INFO: "wi",
  /** Hash: running id → why its cancellation was asked for. */
  CANCEL: "cx",
  /** Hash of counters: letter + type. */
  COUNTS: "c",
  /** Hash: paused types. */
  PAUSED: "pz",
  /** Hash: types of which somebody was refused a place. */
  LIMITED: "lm",
  /** Sorted set per state and type: kept finished ids by when their age ends. */
  KEPT: "k:",
  /** Set of the state + type that have such a set. */
  KEPT_NAMES: "kn",
  /** Set per time bucket: ids that are remembered. */
  REMEMBERED: "m:",
  /** Sorted set of those buckets by their end. */
  BUCKETS: "mb",
  /** The last fence, and the last sequence number of a delayed job. */
  FENCE: "n",
  SEQUENCE: "s"
};
function keysInLua(source, keys) {
  const uses = (local) => new RegExp(`\\b${local}\\b`).test(source);
  return Object.entries(keys).flatMap(([name, suffix]) => [
    uses(`K_${name}`) ? `local K_${name} = KEYS[1] .. '${suffix}'
` : "",
    uses(`S_${name}`) ? `local S_${name} = '${suffix}'
` : ""
  ]).join("");
}

// packages/redis/src/lua/server/probe.lua
var probe_default = "-- Tries every command that the other scripts use on one key that is made for it and goes at once, and tells which ones were refused.\n--\n-- KEYS[1]  the probe\n-- Returns command, error, repeated.\nlocal key = KEYS[1]\nlocal refused = {}\nlocal function try(...)\n  local answer = redis.pcall(...)\n  if type(answer) == 'table' and answer.err then\n    refused[#refused + 1] = (...)\n    refused[#refused + 1] = answer.err\n  end\nend\n\ntry('TIME')\ntry('UNLINK', key)\ntry('EXISTS', key)\ntry('HSET', key, 'a', 1)\ntry('HGET', key, 'a')\ntry('HMGET', key, 'a', 'b')\ntry('HGETALL', key)\ntry('HKEYS', key)\ntry('HLEN', key)\ntry('HSCAN', key, 0)\ntry('HINCRBY', key, 'a', 1)\ntry('HINCRBYFLOAT', key, 'a', 1)\ntry('HDEL', key, 'a')\ntry('RPUSH', key, 'a', 'b', 'c')\ntry('LPUSH', key, 'a')\ntry('LINSERT', key, 'BEFORE', 'b', 'a')\ntry('LINDEX', key, 0)\ntry('LLEN', key)\ntry('LRANGE', key, 0, 1)\ntry('LTRIM', key, 0, 9)\ntry('LPOP', key)\ntry('UNLINK', key)\ntry('SADD', key, 'a', 'b')\ntry('SMISMEMBER', key, 'a', 'b')\ntry('SMEMBERS', key)\ntry('SCARD', key)\ntry('SREM', key, 'a')\ntry('UNLINK', key)\ntry('ZADD', key, 1, 'a', 2, 'b')\ntry('ZCARD', key)\ntry('ZCOUNT', key, '-inf', '+inf')\ntry('ZSCORE', key, 'a')\ntry('ZRANGE', key, 0, 0)\ntry('ZREVRANGE', key, 0, 0)\ntry('ZRANGEBYSCORE', key, '-inf', '+inf')\ntry('ZRANGEBYLEX', key, '-', '+')\ntry('ZPOPMIN', key)\ntry('ZREM', key, 'b')\ntry('ZREMRANGEBYRANK', key, 0, 0)\ntry('ZREMRANGEBYSCORE', key, 0, 0)\ntry('UNLINK', key)\ntry('SET', key, 1)\ntry('GET', key)\ntry('INCRBY', key, 1)\ntry('PEXPIRE', key, 1000)\ntry('PEXPIREAT', key, 9000000000000)\ntry('UNLINK', key)\nreturn refused\n";

// packages/redis/src/scripts.ts
import { createHash } from "node:crypto";
function script(name, parts, options = {}) {
  const text = parts.join("\n");
  const sha = createHash("sha1").update(text).digest("hex");
  return { name, text, sha, repeatable: options.repeatable ?? false };
}
var REPEATABLE = { repeatable: true };

// packages/redis/src/checks.ts
var OLDEST = [6, 2];
var PROBE = script("permission check", [probe_default]);
async function checkServer(connection, settings) {
  for (const master of await connection.masters()) {
    const info = parseInfo(await connection.attempt("info", () => master.info(), true));
    checkVersion(info);
    checkCluster(info, connection.isCluster);
    checkRole(info);
    checkEviction(info, settings);
  }
  await checkPermissions(connection, settings.prefix);
}
function parseInfo(text) {
  const lines = text.split("\r\n").filter((line) => line.includes(":"));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)])
  );
}
function checkVersion(info) {
  const version = info.redis_version;
  if (version === void 0) return;
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > OLDEST[0] || major === OLDEST[0] && minor >= OLDEST[1]) return;
  throw new UnsupportedError(
    `the server is Redis ${version}; @sched/redis needs ${OLDEST.join(".")} or later, or Valkey`
  );
}
function checkCluster(info, isCluster) {
  if (info.cluster_enabled !== "1" || isCluster) return;
  throw new InvalidArgumentError(
    "the server is a node of a Redis Cluster, but the connection is a plain one; pass `cluster: [{ host, port }]` or a Cluster client"
  );
}
function checkRole(info) {
  if (info.role !== "slave") return;
  throw new UnavailableError(
    "the server is a replica and takes no writes; connect to its master, or name the Sentinels (`sentinels`, `name`)"
  );
}
function checkEviction(info, { onEviction, logger }) {
  const policy = info.maxmemory_policy;
  if (policy === void 0 || policy === "noeviction") return;
  const message = `Redis has maxmemory-policy ${policy}, which may evict jobs and leases when memory runs short; type \`CONFIG SET maxmemory-policy noeviction\` and put it into redis.conf, or use a server of its own for jobs`;
  if (onEviction === "refuse")
    throw new UnsupportedError(`${message} (or accept the loss with onEviction: 'warn')`);
  logger.warn(message);
}
async function checkPermissions(connection, prefix) {
  const key = metaKey(prefix, "probe");
  const refused = await connection.run(PROBE, key, []);
  const denied = refused.filter((_, i) => i % 2 === 0 && isDenied(refused[i + 1] ?? ""));
  await connection.pop([key], 1e-3);
  if (denied.length === 0) return;
  const commands = denied.map((name) => `+${name.toLowerCase()}`).join(" ");
  throw new UnsupportedError(
    `the Redis user lacks permissions that the adapters need; add ${commands} and ~{${prefix}:* to its ACL`
  );
}

// packages/redis/src/client.ts
import { Cluster, Redis } from "ioredis";

// packages/redis/src/options.ts
var DEFAULT_PREFIX = "sched";
var MAX_PREFIX_BYTES = 200;
var OWN_OPTIONS = ["prefix", "resetOnInit", "operationDeadlineMs", "onEviction", "logger"];
function settingsOf(source, options) {
  const given = { ...isPlainOptions(source) ? source : {}, ...options };
  const { prefix = DEFAULT_PREFIX, operationDeadlineMs: deadlineMs = OPERATION_DEADLINE_MS } = given;
  checkName(prefix, "prefix", MAX_PREFIX_BYTES);
  if (!Number.isFinite(deadlineMs) || deadlineMs <= 0) {
    throw new InvalidArgumentError(
      `operationDeadlineMs must be a number of milliseconds above 0, not ${deadlineMs}`
    );
  }
  const { onEviction = "refuse" } = given;
  if (onEviction !== "refuse" && onEviction !== "warn")
    throw new InvalidArgumentError(`onEviction must be 'refuse' or 'warn', not ${String(onEviction)}`);
  return {
    prefix: (keyPrefixOf(source) ?? "") + prefix,
    resetOnInit: given.resetOnInit ?? false,
    deadlineMs,
    onEviction,
    maxValueBytes: MAX_VALUE_BYTES,
    logger: given.logger ?? new EmptyLogger()
  };
}
function connectionOptions(source) {
  const { url, cluster, clusterOptions = {}, ...rest } = source;
  const redis2 = { ...rest };
  for (const key of OWN_OPTIONS) delete redis2[key];
  delete redis2.keyPrefix;
  return { url, cluster, clusterOptions, redis: redis2 };
}
function isClient(source) {
  return typeof source === "object" && typeof source.duplicate === "function";
}
function isClusterClient(client) {
  return client.isCluster === true;
}
function isPlainOptions(source) {
  return typeof source === "object" && !isClient(source);
}
function keyPrefixOf(source) {
  if (typeof source === "string" || !isClient(source)) return void 0;
  const { keyPrefix } = source.options;
  return keyPrefix === void 0 || keyPrefix === "" ? void 0 : String(keyPrefix);
}

// packages/redis/src/client.ts
var MAX_RECONNECT_DELAY_MS = 2e3;
var REQUIRED = {
  autoResendUnfulfilledCommands: false,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  lazyConnect: true,
  enableAutoPipelining: false,
  commandTimeout: void 0,
  keyPrefix: "",
  stringNumbers: false,
  replyMapping: "legacy",
  monitor: false,
  himportFieldsets: void 0,
  scripts: void 0,
  retryStrategy: (attempt) => Math.min(25 * 2 ** Math.min(attempt, 10), MAX_RECONNECT_DELAY_MS),
  /** The old master after a failover: find the new one. */
  reconnectOnError: (error) => /\bREADONLY\b/.test(error.message)
};
var CLUSTER_REQUIRED = {
  enableOfflineQueue: false,
  lazyConnect: true,
  enableAutoPipelining: false,
  scaleReads: "master",
  keyPrefix: "",
  scripts: void 0,
  /** 0: a command whose connection broke is not sent again behind our back. */
  retryDelayOnFailover: 0,
  clusterRetryStrategy: REQUIRED.retryStrategy
};
function clientFactory(source, deadlineMs) {
  const connectTimeout = Math.min(deadlineMs, 1e4);
  const required = { ...REQUIRED, connectTimeout };
  if (typeof source === "string") return () => new Redis(checkedUrl(source), required);
  if (isClient(source)) return () => duplicateOf(source, required);
  const { url, cluster, clusterOptions, redis: redis2 } = connectionOptions(source);
  if (cluster !== void 0) {
    const redisOptions = { ...clusterOptions.redisOptions, ...redis2, ...nodeOptions(required) };
    return () => new Cluster([...cluster], { ...clusterOptions, ...CLUSTER_REQUIRED, redisOptions });
  }
  const options = { ...redis2, ...required };
  if (url === void 0) return () => new Redis(options);
  return () => new Redis(checkedUrl(url), options);
}
function duplicateOf(client, required) {
  if (!isClusterClient(client)) return client.duplicate(required);
  return client.duplicate([], { ...CLUSTER_REQUIRED, redisOptions: nodeOptions(required) });
}
function nodeOptions(required) {
  const {
    enableOfflineQueue: _queue,
    retryStrategy: _strategy,
    himportFieldsets: _sets,
    lazyConnect: _lazy,
    ...rest
  } = required;
  return rest;
}
function checkedUrl(url) {
  if (/^rediss?:\/\//i.test(url)) return url;
  throw new InvalidArgumentError(
    "the Redis URL must begin with redis:// or rediss:// (its text is not shown here, as it may hold a password)"
  );
}

// packages/redis/src/deadlines.ts
var Deadlines = class {
  #waiting = /* @__PURE__ */ new Set();
  #timer;
  #timerEnd = Number.POSITIVE_INFINITY;
  add(waiting) {
    this.#waiting.add(waiting);
    if (waiting.end < this.#timerEnd) this.#arm(waiting.end);
  }
  remove(waiting) {
    this.#waiting.delete(waiting);
  }
  abandonAll(reason) {
    clearTimeout(this.#timer);
    this.#timerEnd = Number.POSITIVE_INFINITY;
    const left = [...this.#waiting];
    this.#waiting.clear();
    for (const waiting of left) waiting.abandon(reason);
  }
  #arm(end) {
    clearTimeout(this.#timer);
    this.#timerEnd = end;
    this.#timer = setTimeout(() => this.#check(), Math.max(1, end - performance.now()));
    this.#timer.unref();
  }
  #check() {
    this.#timerEnd = Number.POSITIVE_INFINITY;
    const now = performance.now();
    let next = Number.POSITIVE_INFINITY;
    for (const waiting of [...this.#waiting]) {
      if (waiting.end > now) next = Math.min(next, waiting.end);
      else if (this.#waiting.delete(waiting)) waiting.overdue();
    }
    if (next < this.#timerEnd) this.#arm(next);
  }
};

// packages/redis/src/connection.ts
var FIRST_PAUSE_MS = 4;
var LONGEST_PAUSE_MS = 250;
var Connection = class {
  #what;
  #deadlineMs;
  #deadlines = new Deadlines();
  #client;
  /** Calls that wait until the connection is ready. */
  #waiters = /* @__PURE__ */ new Set();
  #lastError;
  #closed = false;
  constructor(options) {
    this.#what = options.what;
    this.#deadlineMs = options.deadlineMs;
    this.#client = options.open();
    this.#client.on("error", (error) => {
      this.#lastError = error;
      if (isUnauthenticated(error)) for (const waiter of [...this.#waiters]) waiter.fail(error);
    });
    this.#client.on("ready", () => {
      this.#lastError = void 0;
      for (const waiter of [...this.#waiters]) waiter.ready();
    });
    this.#client.on("node error", (error) => {
      this.#lastError = error;
    });
  }
  get isCluster() {
    return isClusterClient(this.#client);
  }
  /** Every master, for what must be done on each. Connected first. */
  async masters() {
    await this.attempt("connect", () => this.#redis.ping(), true);
    return isClusterClient(this.#client) ? this.#client.nodes("master") : [this.#redis];
  }
  /** Runs a script; all keys carry one hash tag. Throws UNAVAILABLE, CLOSED. */
  run(script2, keys, args) {
    const all = typeof keys === "string" ? [keys, ...args] : [...keys, ...args];
    const count2 = typeof keys === "string" ? 1 : keys.length;
    return this.attempt(script2.name, () => this.#evaluate(script2, count2, all), script2.repeatable);
  }
  /** A plain command that reads: it is repeated when its answer was lost. Throws UNAVAILABLE, CLOSED. */
  read(name, ...args) {
    return this.attempt(name, () => this.#redis.call(name, ...args), true);
  }
  /** A blocking pop, once. Throws UNAVAILABLE, CLOSED. */
  pop(keys, seconds) {
    return this.attempt("blpop", () => this.#redis.blpop(...keys, seconds), false);
  }
  /** `repeatable`: `send` is repeated also when it may have been applied. */
  async attempt(name, send, repeatable) {
    const what = `${this.#what} ${name}`;
    const end = performance.now() + this.#deadlineMs;
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      this.#guard();
      if (this.#client.status !== "ready") await this.#untilReady(what, end);
      try {
        return await this.#bounded(what, end, send);
      } catch (error) {
        if (error instanceof SchedError) throw error;
        const kind = faultKind(error);
        const again = kind === "again" || kind === "notSent" || kind === "broken" && repeatable;
        if (!again || performance.now() + pause >= end) throw unavailable(what, error);
      }
      await this.#pause(what, pause);
    }
  }
  /** Ends the connection; whatever waits rejects CLOSED. */
  close() {
    if (this.#closed) return;
    this.#closed = true;
    this.#deadlines.abandonAll(new ClosedError(this.#what));
    this.#client.disconnect();
  }
  get #redis() {
    return this.#client;
  }
  async #evaluate(script2, keys, all) {
    try {
      return await this.#redis.evalsha(script2.sha, keys, ...all);
    } catch (error) {
      if (faultKind(error) !== "noScript") throw error;
      return await this.#redis.eval(script2.text, keys, ...all);
    }
  }
  #guard() {
    if (this.#closed) throw new ClosedError(this.#what);
  }
  /** The answer, or at `end` an ambiguous rejection; a connection that went quiet is then replaced. */
  #bounded(what, end, send) {
    return new Promise((resolve, reject) => {
      const waiting = {
        end,
        abandon: reject,
        overdue: () => {
          reject(
            new UnavailableError(
              `${what}: no answer within ${this.#deadlineMs} ms; it may have been applied`,
              {
                ambiguous: true
              }
            )
          );
          if (this.#client.status === "ready") this.#client.disconnect(true);
        }
      };
      this.#deadlines.add(waiting);
      send().then(
        (answer) => {
          this.#deadlines.remove(waiting);
          resolve(answer);
        },
        (error) => {
          this.#deadlines.remove(waiting);
          reject(error);
        }
      );
    });
  }
  #untilReady(what, end) {
    return new Promise((resolve, reject) => {
      const done = (settle) => {
        this.#deadlines.remove(waiting);
        this.#waiters.delete(waiter);
        settle();
      };
      const waiter = {
        ready: () => done(resolve),
        fail: (error) => done(() => reject(unavailable(what, error)))
      };
      const waiting = {
        end,
        abandon: (reason) => done(() => reject(reason)),
        overdue: () => done(() => reject(this.#unreachable(what)))
      };
      this.#deadlines.add(waiting);
      this.#waiters.add(waiter);
      if (this.#client.status === "wait") {
        this.#client.connect().catch((error) => {
          this.#lastError ??= error;
        });
      }
    });
  }
  #unreachable(what) {
    const why = this.#lastError instanceof Error && this.#lastError.message !== "" ? ` (${this.#lastError.message})` : "";
    return new UnavailableError(
      `${what}: no connection to Redis within ${this.#deadlineMs} ms${why}; check that it runs and that host, port and TLS are right`,
      { cause: this.#lastError }
    );
  }
  #pause(what, ms) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#deadlines.remove(waiting);
        resolve();
      }, ms);
      const waiting = {
        end: Number.POSITIVE_INFINITY,
        overdue: () => reject(this.#unreachable(what)),
        abandon: (reason) => {
          clearTimeout(timer);
          reject(reason);
        }
      };
      this.#deadlines.add(waiting);
    });
  }
};

// packages/redis/src/chunks.ts
function* inChunks(items, size) {
  if (items.length <= size) {
    if (items.length > 0) yield items;
    return;
  }
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size);
}

// packages/redis/src/job-codec.ts
var FIRST_PRIORITY = 48;
function encodeJob(job, maxBytes) {
  checkName(job.id, "job.id");
  checkName(job.type, "job.type");
  const { priority } = job;
  if (!Number.isInteger(priority) || priority < PRIORITY_MIN || priority > PRIORITY_MAX) {
    throw new InvalidArgumentError(
      `job.priority must be an integer from ${PRIORITY_MIN} to ${PRIORITY_MAX}, not ${String(priority)}`
    );
  }
  const payload = encodeValue(job.payload, { root: "job.payload", maxBytes });
  return {
    id: job.id,
    head: `${String.fromCharCode(FIRST_PRIORITY + PRIORITY_MAX - priority)}${settingsText(job)};${job.type}`,
    rest: extrasText(job) + payload,
    due: dueText(job),
    expires: instantText(
      job.expiresInMs,
      "job.expiresInMs",
      job.expiresInMs === void 0 ? job.expiresAt : void 0,
      "job.expiresAt"
    )
  };
}
function dueText(job) {
  if (job.delayMs !== void 0 && job.runAt !== void 0)
    throw new InvalidArgumentError("job takes either delayMs or runAt, not both");
  const text = instantText(job.delayMs, "job.delayMs", job.runAt, "job.runAt");
  return text === "+0" ? "" : text;
}
function instantText(inMs, inName, at, atName) {
  if (inMs !== void 0) return `+${duration(inMs, inName)}`;
  if (at === void 0) return "";
  if (!Number.isFinite(at))
    throw new InvalidArgumentError(`${atName} must be epoch milliseconds, not ${String(at)}`);
  return `@${at}`;
}
function duration(ms, what) {
  if (Number.isFinite(ms) && ms >= 0) return ms;
  throw new InvalidArgumentError(`${what} must be 0 or more milliseconds, not ${String(ms)}`);
}
function count(value, what) {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new InvalidArgumentError(`${what} must be a non-negative integer, not ${String(value)}`);
}
function settingsText(job) {
  const { maxRetries, maxCrashes, delivery, rememberMs, retention } = job;
  if (maxRetries === void 0 && maxCrashes === void 0 && delivery === void 0 && rememberMs === void 0 && retention === void 0)
    return "";
  if (delivery !== void 0 && delivery !== "at-least-once" && delivery !== "at-most-once")
    throw new InvalidArgumentError(
      `job.delivery must be at-least-once or at-most-once, not ${String(delivery)}`
    );
  const parts = [
    maxRetries ? String(count(maxRetries, "job.maxRetries")) : "",
    maxCrashes === void 0 || maxCrashes === DEFAULT_MAX_CRASHES ? "" : String(count(maxCrashes, "job.maxCrashes")),
    delivery === "at-most-once" ? "m" : "",
    rememberMs === void 0 ? "" : String(Math.ceil(duration(rememberMs, "job.rememberMs"))),
    ...keepText(retention?.completed, "completed"),
    ...keepText(retention?.cancelled, "cancelled"),
    ...keepText(retention?.failed, "failed")
  ];
  if (maxRetries !== void 0 && !maxRetries) count(maxRetries, "job.maxRetries");
  while (parts.at(-1) === "") parts.pop();
  return parts.join(",");
}
function keepText(keep, state) {
  if (keep === void 0) return ["", ""];
  return [
    keep.ageMs === void 0 ? "-" : String(duration(keep.ageMs, `job.retention.${state}.ageMs`)),
    keep.count === void 0 ? "-" : String(count(keep.count, `job.retention.${state}.count`))
  ];
}
function extrasText({ entityId, occurrence, options }) {
  if (entityId === void 0 && occurrence === void 0 && options === void 0) return "";
  if (entityId !== void 0) checkName(entityId, "job.entityId");
  const extras = {
    ...entityId !== void 0 && { entity: entityId },
    ...occurrence !== void 0 && { occurrence: [occurrence.schedule, occurrence.due] },
    ...options !== void 0 && { options }
  };
  return `x${encodeValue(extras, { root: "job" })}\0`;
}
var heads = /* @__PURE__ */ new Map();
function readHead(text) {
  const known = heads.get(text);
  if (known !== void 0) return known;
  const stop = text.indexOf(";", 1);
  const [retries = "", crashes = "", delivery = ""] = text.slice(1, stop).split(",");
  const head = {
    priority: FIRST_PRIORITY + PRIORITY_MAX - text.charCodeAt(0),
    type: text.slice(stop + 1),
    maxRetries: retries === "" ? 0 : Number(retries),
    maxCrashes: crashes === "" ? DEFAULT_MAX_CRASHES : Number(crashes),
    delivery: delivery === "m" ? "at-most-once" : "at-least-once"
  };
  if (heads.size >= 1e3) heads.clear();
  heads.set(text, head);
  return head;
}
var NO_EXTRAS = {};
function readBody(text) {
  const zero = text.indexOf("\0", 11);
  const created = Number.parseInt(text.slice(0, 11), 16);
  let at = zero + 1;
  let due = created;
  let expires = null;
  let extras = NO_EXTRAS;
  if (text[at] === "d") {
    const stop = text.indexOf(";", at);
    due = Math.floor(Number(text.slice(at + 1, stop)));
    at = text.indexOf(";", stop + 1) + 1;
  }
  if (text[at] === "e") {
    const stop = text.indexOf(";", at);
    expires = Number(text.slice(at + 1, stop));
    at = stop + 1;
  }
  if (text[at] === "x") {
    const stop = text.indexOf("\0", at);
    extras = decodeValue(text.slice(at + 1, stop), "job");
    at = stop + 1;
  }
  return { created, due, expires, head: readHead(text.slice(11, zero)), extras, payload: text.slice(at) };
}
function readChange(text) {
  const bar = text.indexOf("|");
  const [attempt, failures, crashes, due, , fence, , flags] = text.slice(0, bar).split(",");
  return {
    attempt: Number(attempt),
    failures: Number(failures),
    crashes: Number(crashes),
    due: due === "" || due === "-" ? null : Math.floor(Number(due)),
    fence: Number(fence),
    neverExpires: flags === "n",
    error: readError(text.slice(bar + 1))
  };
}
function readError(text) {
  return text === "" ? null : decodeValue(text, "error");
}
function readClaim(entry, bodyText, changeText2, fence, token) {
  const { created, expires, head, extras, payload } = readBody(bodyText);
  const change = changeText2 === "" ? null : readChange(changeText2);
  return {
    id: entry.slice(11),
    type: head.type,
    payload: decodeValue(payload, "payload"),
    attempt: (change?.attempt ?? 0) + 1,
    failures: change?.failures ?? 0,
    crashes: change?.crashes ?? 0,
    fence,
    token,
    priority: head.priority,
    dueAt: Number.parseInt(entry.slice(0, 11), 16),
    createdAt: created,
    expiresAt: change?.neverExpires ? null : expires,
    maxRetries: head.maxRetries,
    delivery: head.delivery,
    entityId: extras.entity ?? null,
    occurrence: occurrenceOf(extras),
    options: extras.options ?? null
  };
}
function occurrenceOf({ occurrence }) {
  return occurrence === void 0 ? null : { schedule: occurrence[0], due: occurrence[1] };
}
var STATES = { c: "completed", f: "failed", x: "cancelled" };
function readRecord(stored) {
  const body = readBody(stored.body);
  const change = stored.change === null ? null : readChange(stored.change);
  const { payload, raw } = readPayload(body.payload);
  const common = {
    id: stored.id,
    type: body.head.type,
    payload,
    priority: body.head.priority,
    createdAt: body.created,
    expiresAt: change?.neverExpires ? null : body.expires,
    maxRetries: body.head.maxRetries,
    maxCrashes: body.head.maxCrashes,
    delivery: body.head.delivery,
    entityId: body.extras.entity ?? null,
    occurrence: occurrenceOf(body.extras),
    options: body.extras.options ?? null,
    ...raw !== void 0 && { raw }
  };
  if (stored.ending !== null) return { ...common, ...readEnding(stored.ending) };
  const running = stored.held === null ? null : readHeld(stored.held.text);
  const fence = running?.fence ?? change?.fence ?? 0;
  return {
    ...common,
    state: running === null ? "pending" : "running",
    runAt: running?.due ?? change?.due ?? body.due,
    startedAt: fence === 0 ? null : Math.floor(fence / 1e3),
    finishedAt: null,
    attempt: (change?.attempt ?? 0) + (running === null ? 0 : 1),
    failures: change?.failures ?? 0,
    crashes: change?.crashes ?? 0,
    worker: stored.held?.worker ?? null,
    fence,
    cancelRequested: running !== null && stored.cancel !== null,
    reason: null,
    error: change?.error ?? null,
    result: null
  };
}
function readPayload(text) {
  try {
    return { payload: decodeValue(text, "payload") };
  } catch {
    return { payload: null, raw: text };
  }
}
function readHeld(text) {
  return { fence: Number(text.slice(0, 16)), due: Number.parseInt(text.slice(16, 27), 16) };
}
function readEnding(text) {
  const stop = text.indexOf(";");
  const [finished2, started, attempt, failures, crashes, fence, due] = text.slice(1, stop).split(",");
  const [reason = "", result = "", error = ""] = text.slice(stop + 1).split("\0");
  return {
    state: STATES[text[0]] ?? "failed",
    runAt: Math.floor(Number(due)),
    startedAt: started === "" ? null : Number(started),
    finishedAt: Number(finished2),
    attempt: Number(attempt),
    failures: Number(failures),
    crashes: Number(crashes),
    worker: null,
    fence: Number(fence),
    cancelRequested: false,
    reason: reason === "" ? null : reason,
    error: readError(error),
    result: result === "" ? null : decodeValue(result, "result")
  };
}

// packages/redis/src/job-insert.ts
function insertArguments(encoded) {
  const jobs = sendable(encoded);
  const args = [jobs.length];
  for (const job of jobs) args.push(job.id);
  for (let i = 0; i < jobs.length; ) {
    const { head, due, expires, rest } = jobs[i];
    if (due !== "" || expires !== "") {
      args.push("s", head, due, expires, rest);
      i++;
      continue;
    }
    const start = args.push("n", head, 0);
    for (; i < jobs.length && isPlain(jobs[i], head); i++)
      args.push(jobs[i].rest);
    args[start - 1] = args.length - start;
  }
  return { args, sent: jobs.length };
}
function spreadInserts(encoded, answer) {
  const seen = /* @__PURE__ */ new Set();
  let at = 0;
  return encoded.map((job) => {
    if (job instanceof Error) return job;
    if (seen.has(job.id)) return "exists";
    seen.add(job.id);
    return answer === null || answer[at++] === "1" ? "inserted" : "exists";
  });
}
function isPlain(job, head) {
  return job.head === head && job.due === "" && job.expires === "";
}
function sendable(encoded) {
  const seen = /* @__PURE__ */ new Set();
  const jobs = [];
  for (const job of encoded) {
    if (job instanceof Error || seen.has(job.id)) continue;
    seen.add(job.id);
    jobs.push(job);
  }
  return jobs;
}

// packages/redis/src/job-list.ts
var START = { cursor: "0", left: [] };
var END = "end";
var LONGEST_STEP = 1e3;
async function listJobs2(source, query, { limit, states }) {
  const found = [];
  let { cursor, left } = readPosition(query.after);
  let step = Math.max(limit, 10);
  for (let first = true; ; first = false) {
    if (left.length === 0) {
      if (cursor === END || !first && cursor === "0") break;
      const [next, ids] = await source.scan(cursor, step);
      cursor = next === "0" ? END : next;
      left = ids;
      step = Math.min(step * 2, LONGEST_STEP);
    }
    const records = await source.get(left);
    let used = 0;
    for (const record of records) {
      if (found.length === limit) break;
      used++;
      if (record !== null && matches(record, query, states)) found.push(record);
    }
    left = left.slice(used);
    if (found.length === limit) break;
  }
  const after = cursor === END && left.length === 0 ? null : JSON.stringify([cursor, ...left]);
  return { jobs: found, after };
}
function matches(record, query, states) {
  return (query.type === void 0 || record.type === query.type) && states.includes(record.state) && (query.entityId === void 0 || record.entityId === query.entityId) && (query.schedule === void 0 || record.occurrence?.schedule === query.schedule);
}
function readPosition(after) {
  if (after === void 0) return START;
  try {
    const [cursor, ...left] = JSON.parse(after);
    if (typeof cursor === "string" && /^(\d+|end)$/.test(cursor)) return { cursor, left };
  } catch {
  }
  throw new InvalidArgumentError("after must be what the page before gave as `after`");
}

// packages/redis/src/lua/clock.lua
var clock_default = "-- The server's clock, in whole microseconds: the only clock that decides anything.\nlocal function micros()\n  local time = redis.call('TIME')\n  return time[1] * 1000000 + time[2]\nend\n\nlocal function whole(number)\n  return string.format('%.0f', number)\nend\n";

// packages/redis/src/lua/jobs/change.lua
var change_default = "-- Changes jobs by id, each as its state allows: see JobChange in the contract.\n--\n-- KEYS[1]  base of the job store\n-- ARGV     kind, reason or when due ('+ms' or '@instant'), then up to 1,000 distinct ids\n-- Returns one letter an id: o ok, m missing, r refused.\nlocal kind, spec = ARGV[1], ARGV[2]\nlocal ids = {}\nfor i = 3, #ARGV do ids[i - 2] = ARGV[i] end\nlocal bodies = redis.call('HMGET', K_BODIES, unpack(ids))\nlocal changes = redis.call('HMGET', K_CHANGES, unpack(ids))\nlocal ended = redis.call('HMGET', K_ENDINGS, unpack(ids))\nlocal running = {}\nfor _, set in ipairs({ K_WORKERS, K_DEAD }) do\n  local workers = redis.call('ZRANGE', set, 0, -1)\n  for i = 1, #workers do\n    local held = redis.call('HMGET', K_HELD .. workers[i], unpack(ids))\n    for k = 1, #ids do running[k] = running[k] or held[k] end\n  end\nend\n\nlocal function wanted_due()\n  local given = tonumber(sub(spec, 2))\n  if sub(spec, 1, 1) == '+' then given = after(given) end\n  return math.max(now, math.min(given, FAR))\nend\n\nlocal function cancel(id, i, head, change, due, sequence)\n  if running[i] then\n    redis.call('HSET', K_CANCEL, id, spec)\n  else\n    unqueue(id, head, change, due, sequence)\n    finish(id, 'x', head, change, spec, '')\n  end\nend\n\n-- Out of its ending: what it had counted, and where its ghost lies.\nlocal function revive(id, i, head, change, expires)\n  local state = sub(ended[i], 1, 1)\n  local attempt, fence = string.match(ended[i], '^.[^,]*,[^,]*,([^,]*),[^,]*,[^,]*,([^,]*),')\n  change.attempt, change.fence = tonumber(attempt), fence\n  change.failures, change.crashes, change.error = 0, 0, ''\n  if expires and expires <= now then change.flags = 'n' end\n  redis.call('ZREM', K_KEPT .. state .. head.type, id)\n  redis.call('HDEL', K_ENDINGS, id)\n  make_pending(id, head, change, now, expires)\nend\n\nlocal function move(id, head, change, due, sequence, expires)\n  unqueue(id, head, change, due, sequence)\n  make_pending(id, head, change, kind == 'promote' and now or wanted_due(), expires)\nend\n\nlocal function discard(id, i, head, change, due, sequence)\n  if ended[i] then\n    redis.call('ZREM', K_KEPT .. sub(ended[i], 1, 1) .. head.type, id)\n  else\n    unqueue(id, head, change, due, sequence)\n  end\n  drop_records({ id })\n  remember({ id }, math.max(head.remember, 2))\nend\n\nlocal answers = {}\nfor i = 1, #ids do\n  local id, answer = ids[i], 'r'\n  if not bodies[i] then\n    answer = 'm'\n  else\n    local head, due, sequence, expires = open_body(bodies[i])\n    local change = read_change(changes[i])\n    local pending = not ended[i] and not running[i]\n    if kind == 'cancel' and not ended[i] then\n      cancel(id, i, head, change, due, sequence)\n      answer = 'o'\n    elseif kind == 'retry' and ended[i] and sub(ended[i], 1, 1) ~= 'c' then\n      revive(id, i, head, change, expires)\n      answer = 'o'\n    elseif (kind == 'promote' or kind == 'reschedule') and pending then\n      move(id, head, change, due, sequence, expires)\n      answer = 'o'\n    elseif kind == 'discard' and not running[i] then\n      discard(id, i, head, change, due, sequence)\n      answer = 'o'\n    end\n  end\n  answers[i] = answer\nend\nfinish_out()\ntally_out()\nwake_out()\nreturn table.concat(answers)\n";

// packages/redis/src/lua/jobs/claim.lua
var claim_default = "-- Claims for one worker by (priority, due) over its wanted types. Only a living worker claims; paused types and types whose places are\n-- taken give nothing; what has expired fails instead. One fence for the whole claim: later claims have higher ones.\n--\n-- `wanted`: of each type {name, most in this claim, most running over the cluster (or -1)}\nlocal has_changes\n\nlocal function next_fence()\n  local last = tonumber(redis.call('GET', K_FENCE) or 0)\n  local fence = whole(math.max(last + 1, now_us))\n  redis.call('SET', K_FENCE, fence)\n  return fence\nend\n\n-- The wanted types that are not paused, with their room and their priorities.\nlocal function open_types(wanted)\n  local names, counters = {}, {}\n  for i = 1, #wanted do\n    names[i] = wanted[i].name\n    counters[i] = 'r' .. wanted[i].name\n  end\n  if #names == 0 then return {} end\n  local priorities = redis.call('HMGET', K_PRIORITIES, unpack(names))\n  local paused = redis.call('HMGET', K_PAUSED, unpack(names))\n  local running\n  local open = {}\n  for i = 1, #wanted do\n    local type = wanted[i]\n    if type.active >= 0 then\n      running = running or redis.call('HMGET', K_COUNTS, unpack(counters))\n      type.free = type.active - (running[i] or 0) - (tally['r' .. type.name] or 0)\n    else\n      type.free = FAR\n    end\n    type.room = math.min(type.most, type.free)\n    type.priorities = priorities[i] or ''\n    type.stored = type.priorities\n    if not paused[i] then open[#open + 1] = type end\n  end\n  return open\nend\n\n-- Those of the open types that have the highest priority that any of them has, and room.\nlocal function leading(open)\n  local best, group = nil, {}\n  for i = 1, #open do\n    local type = open[i]\n    if type.room > 0 and type.priorities ~= '' then\n      local priority = sub(type.priorities, 1, 1)\n      if not best or priority < best then\n        best, group = priority, { type }\n      elseif priority == best then\n        group[#group + 1] = type\n      end\n    end\n  end\n  return best, group\nend\n\nlocal function exhausted(type)\n  type.priorities = sub(type.priorities, 2)\nend\n\n-- Pops entries of one priority in due order over the group: of each type {entry, \u2026}.\nlocal function pop(priority, group, most)\n  if #group == 1 then\n    local type = group[1]\n    local want = math.min(most, type.room)\n    local entries = redis.call('LPOP', K_READY .. priority .. type.name, want) or {}\n    if #entries < want then exhausted(type) end\n    for i = 1, #entries do entries[i] = { entries[i], type } end\n    return entries\n  end\n  local fronts, taken, popped = {}, {}, {}\n  local ahead = math.ceil(most / #group) + 4\n  for i = 1, #group do\n    local want = math.min(ahead, group[i].room, most)\n    fronts[i] = redis.call('LRANGE', K_READY .. priority .. group[i].name, 0, want - 1)\n    fronts[i].all = #fronts[i] < want\n    taken[i] = 0\n  end\n  while #popped < most do\n    local first, earliest\n    local stop = false\n    for i = 1, #group do\n      local entry = fronts[i][taken[i] + 1]\n      if entry then\n        local due = sub(entry, 1, 11)\n        if not earliest or due < earliest then\n          first, earliest = i, due\n        end\n      elseif not fronts[i].all then\n        -- more of this type may be due before the others: look again\n        stop = true\n      end\n    end\n    if stop or not first then break end\n    taken[first] = taken[first] + 1\n    popped[#popped + 1] = { fronts[first][taken[first]], group[first] }\n  end\n  for i = 1, #group do\n    if taken[i] > 0 then redis.call('LTRIM', K_READY .. priority .. group[i].name, taken[i], -1) end\n    if fronts[i].all and taken[i] == #fronts[i] then exhausted(group[i]) end\n  end\n  return popped\nend\n\nlocal function claim(worker, limit, wanted)\n  local jobs = {}\n  local open = open_types(wanted)\n  local priority, group = leading(open)\n  if not priority or limit <= 0 or not redis.call('ZSCORE', K_WORKERS, worker) then return '', jobs, open end\n  has_changes = redis.call('EXISTS', K_CHANGES) == 1\n  local fence, claims, unexpiring = next_fence(), {}, {}\n  local popped, left = 0, limit\n  -- ghosts and expired ones cost a look too: the rest is for the next call\n  while priority and left > 0 and popped < limit + 1000 do\n    local entries = pop(priority, group, math.min(left, 1000))\n    popped = popped + math.max(#entries, 1)\n    local ids = {}\n    for i = 1, #entries do ids[i] = sub(entries[i][1], 12) end\n    local bodies = #ids > 0 and redis.call('HMGET', K_BODIES, unpack(ids)) or {}\n    local changes = has_changes and #ids > 0 and redis.call('HMGET', K_CHANGES, unpack(ids)) or {}\n    for i = 1, #ids do\n      local entry, type, body, change = entries[i][1], entries[i][2], bodies[i], changes[i]\n      local due = sub(entry, 1, 11)\n      local zero = body and find(body, '\\0', 12, true)\n      -- bytes that are no record are not worth losing the others of this claim\n      body = zero and body\n      local mark = body and sub(body, zero + 1, zero + 1)\n      local current = body\n      if body and (change or mark == 'd' or mark == 'e') then\n        local head, first_due, _, expires = open_body(body)\n        local changed = change and read_change(change)\n        if changed and changed.due ~= '' then first_due = tonumber(changed.due) or -1 end\n        current = math.floor(first_due) == tonumber(due, 16)\n        if current and expires and not (changed and find(changed.flags, 'n', 1, true)) then\n          unexpiring[#unexpiring + 1] = ids[i]\n          if expires <= now then\n            changed = changed or read_change(false)\n            changed.due = exact(first_due)\n            count('p', head.type, -1)\n            finish(ids[i], 'f', head, changed, 'expired', '')\n            current = false\n          end\n        end\n      elseif body then\n        current = sub(body, 1, 11) == due\n      end\n      if current then\n        claims[#claims + 1] = ids[i]\n        claims[#claims + 1] = fence .. due .. sub(body, 12, zero - 1)\n        jobs[#jobs + 1] = entry\n        jobs[#jobs + 1] = body\n        jobs[#jobs + 1] = change or ''\n        type.room = type.room - 1\n        type.free = type.free - 1\n        type.got = (type.got or 0) + 1\n        left = left - 1\n      end\n    end\n    priority, group = leading(open)\n  end\n  if #claims > 0 then redis.call('HSET', K_HELD .. worker, unpack(claims)) end\n  if #unexpiring > 0 then redis.call('ZREM', K_EXPIRY, unpack(unexpiring)) end\n  for i = 1, #open do\n    local type = open[i]\n    if type.got then\n      count('p', type.name, -type.got)\n      count('r', type.name, type.got)\n    end\n  end\n  return fence, jobs, open\nend\n\n-- Ms until time alone makes something claimable for the open types: 0 when something is now, '' when never. Lists that turned out empty\n-- are struck from the priorities on the way.\nlocal function next_due(open, hubs)\n  local wait, names = nil, {}\n  for i = 1, #open do\n    local type = open[i]\n    if type.free > 0 then names[type.name] = true end\n    while type.priorities ~= '' and redis.call('EXISTS', K_READY .. sub(type.priorities, 1, 1) .. type.name) == 0 do\n      exhausted(type)\n    end\n    if type.priorities ~= type.stored then\n      if type.priorities == '' then\n        redis.call('HDEL', K_PRIORITIES, type.name)\n      else\n        redis.call('HSET', K_PRIORITIES, type.name, type.priorities)\n      end\n    end\n    if type.priorities ~= '' and type.free > 0 then\n      wait = 0\n      -- this look was for one worker; another may take the rest\n      if hubs > 1 then woken[type.name] = true end\n    elseif type.priorities ~= '' then\n      redis.call('HSET', K_LIMITED, type.name, 1)\n    end\n  end\n  if wait or next(names) == nil then return wait and '0' or '' end\n  local soonest = redis.call('ZRANGE', K_DELAYED, 0, 63, 'WITHSCORES')\n  if #soonest == 0 then redis.call('HDEL', K_PRIORITIES, '') end\n  for i = 1, #soonest, 2 do\n    local member = soonest[i]\n    -- beyond so many of other types: look again when the last of them is due\n    if names[sub(member, find(member, '\\0', 12, true) + 1)] or i == 127 then\n      return format('%.3f', math.max(0, soonest[i + 1] - now_us / 1000))\n    end\n  end\n  return ''\nend\n";

// packages/redis/src/lua/jobs/counts.lua
var counts_default = "-- KEYS[1]  base of the job store\n-- Returns {counters: letter + type, number, repeated; paused types}.\nreturn { redis.call('HGETALL', K_COUNTS), redis.call('HKEYS', K_PAUSED) }\n";

// packages/redis/src/lua/jobs/ending.lua
var ending_default = "-- How jobs end: the record is kept as its type wants it or goes, the id is remembered, the counters grow. Everything is collected by\n-- finish() and written by finish_out(), once a script.\nlocal gone, unchanged, endings, kept, remembered = {}, {}, {}, {}, {}\n\n-- `change.due`, `change.fence` and the counts are those of the ending; `started` is empty where it never ran.\nlocal function finish(id, state, head, change, reason, result)\n  local age, most = head.age[state], head.count[state]\n  if age == 0 or most == 0 then\n    gone[#gone + 1] = id\n  else\n    local started = change.fence ~= '' and whole(math.floor(change.fence / 1000)) or ''\n    endings[#endings + 1] = id\n    endings[#endings + 1] = format(\n      '%s%.0f,%s,%d,%d,%d,%s,%s;%s\\0%s\\0%s',\n      state,\n      now,\n      started,\n      change.attempt,\n      change.failures,\n      change.crashes,\n      change.fence,\n      change.due,\n      reason,\n      result,\n      change.error\n    )\n    local name = state .. head.type\n    local set = kept[name]\n    if not set then\n      set = { most = most }\n      kept[name] = set\n    end\n    set[#set + 1] = whole(math.min(now + (age or FAR), FAR))\n    set[#set + 1] = id\n    if change.ghost ~= '' then\n      local due = change.due\n      -- no entry names this due: a ghost is not taken for the job\n      change.due = '-'\n      write_change(id, change)\n      change.due = due\n    else\n      unchanged[#unchanged + 1] = id\n    end\n  end\n  local ids = remembered[head.remember]\n  if not ids then\n    ids = {}\n    remembered[head.remember] = ids\n  end\n  ids[#ids + 1] = id\n  count(state, head.type, 1)\nend\n\n-- Drops the buckets whose time is over; returns how many ids they held.\nlocal function forget()\n  local over = redis.call('ZRANGEBYSCORE', K_BUCKETS, '-inf', now)\n  local ids = 0\n  for i = 1, #over do\n    ids = ids + redis.call('SCARD', K_REMEMBERED .. over[i])\n    redis.call('UNLINK', K_REMEMBERED .. over[i])\n    redis.call('ZREM', K_BUCKETS, over[i])\n  end\n  return ids\nend\n\n-- Remembers ids for `ms` at least, in buckets a third as wide: few to look into, and each goes at once.\nlocal function remember(ids, ms)\n  local width = math.max(math.floor(ms / 3), 1)\n  local ends = (math.floor((now + ms) / width) + 1) * width\n  local bucket = whole(width) .. ':' .. whole(ends)\n  redis.call('SADD', K_REMEMBERED .. bucket, unpack(ids))\n  if redis.call('ZADD', K_BUCKETS, whole(ends), bucket) == 1 then forget() end\nend\n\nlocal function drop_records(ids)\n  if #ids == 0 then return end\n  redis.call('HDEL', K_BODIES, unpack(ids))\n  redis.call('HDEL', K_ENDINGS, unpack(ids))\n  redis.call('HDEL', K_CHANGES, unpack(ids))\nend\n\n-- Keeps a set of finished jobs within its count; a bound that fell is reached in steps.\nlocal function trim(name, most)\n  local excess = redis.call('ZCARD', K_KEPT .. name) - most\n  if excess <= 0 then return end\n  local popped = redis.call('ZPOPMIN', K_KEPT .. name, math.min(excess, 1000))\n  local ids = {}\n  for i = 1, #popped, 2 do ids[#ids + 1] = popped[i] end\n  drop_records(ids)\nend\n\nlocal function finish_out()\n  if #gone > 0 then\n    redis.call('HDEL', K_BODIES, unpack(gone))\n    redis.call('HDEL', K_CHANGES, unpack(gone))\n  end\n  if #unchanged > 0 then redis.call('HDEL', K_CHANGES, unpack(unchanged)) end\n  if #endings > 0 then redis.call('HSET', K_ENDINGS, unpack(endings)) end\n  for name, set in pairs(kept) do\n    if redis.call('ZADD', K_KEPT .. name, unpack(set)) > 0 then redis.call('SADD', K_KEPT_NAMES, name) end\n    if set.most then trim(name, set.most) end\n  end\n  for ms, ids in pairs(remembered) do remember(ids, ms) end\nend\n";

// packages/redis/src/lua/jobs/heartbeat.lua
var heartbeat_default = "-- Renews one worker's lease, and with it every claim it holds. What the store holds for it and it does not hold is given back, attempt\n-- included: its claim's answer was lost. Younger claims than the grace are left alone, as their answer may be under way.\n-- The caller names everything it holds, and what it is just claiming is young.\n--\n-- KEYS[1]  base of the job store\n-- ARGV     worker, lease in ms, phase (join, active or leave), grace in ms, info (or empty), then id, fence of each held job\n-- Returns {1 when the worker is alive, else 0; number lost; the lost ids; the ids whose cancellation was asked for}.\nlocal worker, phase, grace = ARGV[1], ARGV[3], tonumber(ARGV[4])\nlocal key = K_HELD .. worker\nlocal ends = format('%.3f', math.min(now_us / 1000 + tonumber(ARGV[2]), FAR))\nlocal alive\nif phase == 'join' then\n  alive = redis.call('ZSCORE', K_DEAD, worker) == false\n  if alive then redis.call('ZADD', K_WORKERS, ends, worker) end\nelse\n  -- the end has changed, unless there was none\n  alive = redis.call('ZADD', K_WORKERS, 'XX', 'CH', ends, worker) == 1\n    or redis.call('ZSCORE', K_WORKERS, worker) ~= false\nend\n\nlocal lost, asked, mine = {}, {}, {}\nlocal cancelling = #ARGV > 5 and redis.call('EXISTS', K_CANCEL) == 1\nfor from = 6, #ARGV, 2000 do\n  local stop = math.min(from + 1999, #ARGV)\n  local ids = {}\n  for at = from, stop, 2 do ids[#ids + 1] = ARGV[at] end\n  local found = redis.call('HMGET', key, unpack(ids))\n  local reasons = cancelling and redis.call('HMGET', K_CANCEL, unpack(ids)) or {}\n  for i = 1, #ids do\n    if found[i] and sub(found[i], 1, 16) == ARGV[from + i * 2 - 1] then\n      mine[ids[i]] = true\n      if reasons[i] then asked[#asked + 1] = ids[i] end\n    else\n      lost[#lost + 1] = ids[i]\n    end\n  end\nend\n\nif alive then\n  local leaving = phase == 'leave'\n  if leaving then\n    redis.call('ZREM', K_WORKERS, worker)\n    redis.call('HDEL', K_INFO, worker)\n  elseif ARGV[5] ~= '' then\n    redis.call('HSET', K_INFO, worker, ARGV[5])\n  end\n  local held = redis.call('HLEN', key)\n  for _ in pairs(mine) do held = held - 1 end\n  if held > 0 or leaving then\n    local unknown = last_first(redis.call('HGETALL', key), function(id, text)\n      return leaving or (not mine[id] and sub(text, 1, 16) / 1000 + grace <= now_us / 1000)\n    end)\n    for i = 1, #unknown do\n      local id, taken = unknown[i].id, read_held(unknown[i].held)\n      redis.call('HDEL', key, id)\n      count('r', taken.head.type, -1)\n      local change = change_after(taken, redis.call('HGET', K_CHANGES, id))\n      give_back(id, taken, change, nil, redis.call('HGET', K_BODIES, id))\n      redis.call('HDEL', K_CANCEL, id)\n    end\n    finish_out()\n    freed_out()\n    tally_out()\n    wake_out()\n  end\nend\nreturn { alive and 1 or 0, #lost, lost, asked }\n";

// packages/redis/src/lua/jobs/insert.lua
var insert_default = "-- Inserts up to 1,000 jobs, each one or not at all: an id that is there, or remembered, changes nothing. So a call whose answer was\n-- lost is sent again as it is. When memory is full nothing is inserted.\n-- The caller names each id once.\n--\n-- KEYS[1]  base of the job store\n-- ARGV     number of jobs; their ids; then what they are, in the same order, as runs of\n--            'n', head, number, and of each its rest: due now, never expiring\n--            's', head, when due ('', '+ms', '@instant'), when it expires (likewise), rest: one job\n-- Returns nothing when all were inserted, else one digit a job: 1 inserted, 0 exists.\nlocal many = tonumber(ARGV[1])\nlocal known = redis.call('HMGET', K_BODIES, unpack(ARGV, 2, many + 1))\nlocal buckets = redis.call('ZRANGEBYSCORE', K_BUCKETS, '(' .. now, '+inf')\nfor b = 1, #buckets do\n  local members = redis.call('SMISMEMBER', K_REMEMBERED .. buckets[b], unpack(ARGV, 2, many + 1))\n  for i = 1, many do\n    if members[i] == 1 then known[i] = true end\n  end\nend\n\nlocal bodies, lists, delayed, expiring = {}, {}, {}, {}\nlocal created = hex(now)\n\nlocal function instant(spec)\n  local given = tonumber(sub(spec, 2))\n  if sub(spec, 1, 1) == '+' then return after(given) end\n  return math.max(math.min(given, FAR), 0)\nend\n\nlocal function ready(head)\n  local list = lists[head.list]\n  if not list then\n    list = { head = head }\n    lists[head.list] = list\n  end\n  return list\nend\n\nlocal i, at = 1, many + 2\nwhile i <= many do\n  local text = ARGV[at + 1]\n  local head = head_of(text)\n  if ARGV[at] == 'n' then\n    local run = tonumber(ARGV[at + 2])\n    local prefix, list, before = created .. text .. '\\0', ready(head), #bodies\n    for k = 1, run do\n      if not known[i] then\n        bodies[#bodies + 1] = ARGV[i + 1]\n        bodies[#bodies + 1] = prefix .. ARGV[at + 2 + k]\n        list[#list + 1] = created .. ARGV[i + 1]\n      end\n      i = i + 1\n    end\n    count('p', head.type, (#bodies - before) / 2)\n    at = at + 3 + run\n  else\n    if not known[i] then\n      local id, when, expires, rest = ARGV[i + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]\n      local due = when == '' and now or instant(when)\n      if expires ~= '' then\n        expires = whole(math.ceil(instant(expires)))\n        rest = 'e' .. expires .. ';' .. rest\n        expiring[#expiring + 1] = expires\n        expiring[#expiring + 1] = id\n      end\n      if due > now_us / 1000 then\n        delayed[#delayed + 1] = { id = id, head = head, due = due, rest = rest, at = #bodies }\n        bodies[#bodies + 1] = id\n        bodies[#bodies + 1] = ''\n      else\n        local list = ready(head)\n        list[#list + 1] = created .. id\n        bodies[#bodies + 1] = id\n        bodies[#bodies + 1] = created .. text .. '\\0' .. rest\n      end\n      count('p', head.type, 1)\n    end\n    i = i + 1\n    at = at + 5\n  end\nend\nif #bodies > 0 then\n  local earliest\n  if #delayed > 0 then\n    local first = next_sequences(#delayed)\n    local members = {}\n    for k = 1, #delayed do\n      local job = delayed[k]\n      local sequence = format('%010x', first + k)\n      bodies[job.at + 2] = created .. job.head.text .. '\\0d' .. exact(job.due) .. ';' .. sequence .. ';' .. job.rest\n      members[#members + 1] = exact(job.due)\n      members[#members + 1] = sequence .. job.head.priority .. job.id .. '\\0' .. job.head.type\n    end\n    redis.call('HSET', K_BODIES, unpack(bodies))\n    earliest = redis.call('ZRANGE', K_DELAYED, 0, 0)[1]\n    redis.call('ZADD', K_DELAYED, unpack(members))\n    mark_delayed()\n    local now_earliest = redis.call('ZRANGE', K_DELAYED, 0, 0)[1]\n    -- a sleeper must learn of a due moment before the one it knows\n    if now_earliest ~= earliest then woken[sub(now_earliest, find(now_earliest, '\\0', 12, true) + 1)] = true end\n  else\n    redis.call('HSET', K_BODIES, unpack(bodies))\n  end\n  move_due(1000)\n  for name, list in pairs(lists) do\n    if #list > 0 then\n      redis.call('RPUSH', K_READY .. name, unpack(list))\n      offer(list.head.type, list.head.priority)\n      woken[list.head.type] = true\n    end\n  end\n  if #expiring > 0 then redis.call('ZADD', K_EXPIRY, unpack(expiring)) end\n  tally_out()\n  wake_out()\nend\nif #bodies == many * 2 then return false end\nfor k = 1, many do known[k] = known[k] and '0' or '1' end\nreturn table.concat(known)\n";

// packages/redis/src/lua/jobs/layout.lua
var layout_default = "-- One job store. What a job is made of, and where each part lies:\n--\n--   body     created (11 hex digits) + head + NUL + rest; written once, kept until the record goes\n--   head     priority (one character, the higher the earlier) + settings + ';' + type: what a settle must know\n--   rest     ['d' due ';' sequence ';'] ['e' expires ';'] ['x' extras NUL] payload: the first three only where they are\n--   change   attempt,failures,crashes,due,sequence,fence,ghost,flags|error: only of a job that came back or was moved\n--   held     fence (16 digits) + due (11 hex digits) + head: under the worker that runs it\n--   ending   state finished,started,attempt,failures,crashes,fence,due;reason NUL result NUL error\n--   entry    due (11 hex digits) + id, in the list of its priority and type, in due order\n--   delayed  sequence (10 hex digits) + priority + id + NUL + type, by due\n--\n-- An entry counts only while it names the due its job has now. So what is moved, cancelled or discarded out of the middle of a list\n-- leaves its entry behind as a ghost, and costs no search; a job that has one remembers that due, and gets a later one.\nlocal now_us = micros()\nlocal now = math.floor(now_us / 1000)\nlocal FAR = 9007199254740991\nlocal sub, find, format = string.sub, string.find, string.format\n\n-- Due instants are milliseconds, with a fraction where they were delayed: never early, and no later than asked for.\nlocal function after(ms)\n  return ms == 0 and now or math.min(now_us / 1000 + ms, FAR)\nend\n\nlocal function exact(ms)\n  return ms == math.floor(ms) and whole(ms) or format('%.3f', ms)\nend\n\nlocal function hex(ms)\n  return format('%011x', ms)\nend\n\n-- Settings, in the order in which job-codec.ts writes them; what is empty takes the default, '-' stands for no bound.\nlocal heads = {}\nlocal function head_of(text)\n  local head = heads[text]\n  if head then return head end\n  local stop = find(text, ';', 2, true)\n  local field = {}\n  for part in string.gmatch(sub(text, 2, stop - 1) .. ',', '([^,]*),') do field[#field + 1] = part end\n  local function number(at, default)\n    local value = field[at]\n    if value == nil or value == '' then return default end\n    return tonumber(value)\n  end\n  local type = sub(text, stop + 1)\n  head = {\n    text = text,\n    priority = sub(text, 1, 1),\n    type = type,\n    list = sub(text, 1, 1) .. type,\n    retries = number(1, 0),\n    crashes = number(2, D_CRASHES),\n    once = field[3] == 'm',\n    remember = number(4, D_REMEMBER),\n    age = { c = number(5, D_AGE_C), x = number(7, D_AGE_X), f = number(9, D_AGE_F) },\n    count = { c = number(6, D_COUNT_C), x = number(8, D_COUNT_X), f = number(10, D_COUNT_F) },\n  }\n  heads[text] = head\n  return head\nend\n\n-- Of a body: its head, when it was first due, the sequence of that where it was delayed, and when it expires.\nlocal function open_body(body)\n  local zero = find(body, '\\0', 12, true)\n  local due, sequence, expires = nil, '', nil\n  local at = zero + 1\n  if sub(body, at, at) == 'd' then\n    local stop = find(body, ';', at, true)\n    due = tonumber(sub(body, at + 1, stop - 1))\n    sequence = sub(body, stop + 1, stop + 10)\n    at = stop + 12\n  end\n  if sub(body, at, at) == 'e' then\n    expires = tonumber(sub(body, at + 1, find(body, ';', at, true) - 1))\n  end\n  return head_of(sub(body, 12, zero - 1)), due or tonumber(sub(body, 1, 11), 16), sequence, expires\nend\n\nlocal function read_change(text)\n  if not text then\n    return { attempt = 0, failures = 0, crashes = 0, due = '', sequence = '', fence = '', ghost = '', flags = '', error = '' }\n  end\n  local attempt, failures, crashes, due, sequence, fence, ghost, flags, err =\n    string.match(text, '^(%d*),(%d*),(%d*),([^,]*),([^,]*),([^,]*),([^,]*),([^|]*)|(.*)$')\n  return {\n    attempt = tonumber(attempt),\n    failures = tonumber(failures),\n    crashes = tonumber(crashes),\n    due = due,\n    sequence = sequence,\n    fence = fence,\n    ghost = ghost,\n    flags = flags,\n    error = err,\n  }\nend\n\nlocal function write_change(id, change)\n  redis.call(\n    'HSET',\n    K_CHANGES,\n    id,\n    format(\n      '%d,%d,%d,%s,%s,%s,%s,%s|%s',\n      change.attempt,\n      change.failures,\n      change.crashes,\n      change.due,\n      change.sequence,\n      change.fence,\n      change.ghost,\n      change.flags,\n      change.error\n    )\n  )\nend\n\n-- Counters, written once at the end of a script: tally_out().\nlocal tally = {}\nlocal function count(letter, type, by)\n  local field = letter .. type\n  tally[field] = (tally[field] or 0) + by\nend\n\nlocal function tally_out()\n  for field, by in pairs(tally) do\n    if by ~= 0 then redis.call('HINCRBYFLOAT', K_COUNTS, field, by) end\n  end\nend\n\n-- Types of which somebody was refused a place look anew when one is free again.\nlocal woken = {}\nlocal function freed_out()\n  if redis.call('EXISTS', K_LIMITED) == 0 then return end\n  for field, by in pairs(tally) do\n    local type = sub(field, 2)\n    if by < 0 and sub(field, 1, 1) == 'r' and redis.call('HDEL', K_LIMITED, type) == 1 then woken[type] = true end\n  end\nend\n\n-- Types that have something to claim since this script began; those who wait are told at its end.\nlocal function wake_out()\n  if next(woken) == nil or redis.call('EXISTS', K_HUBS) == 0 then return end\n  for type in pairs(woken) do\n    -- as keys.ts escapes it\n    local part = string.gsub(type, '[%%:{}]', function(char) return format('%%%02X', string.byte(char)) end)\n    wake(K_WAKES .. part, K_HUBS)\n  end\nend\n\n-- Notes that the list of this priority and type is not empty.\nlocal function offer(type, priority)\n  local known = redis.call('HGET', K_PRIORITIES, type)\n  if not known then\n    redis.call('HSET', K_PRIORITIES, type, priority)\n  elseif not find(known, priority, 1, true) then\n    local at = 1\n    while at <= #known and sub(known, at, at) < priority do at = at + 1 end\n    redis.call('HSET', K_PRIORITIES, type, sub(known, 1, at - 1) .. priority .. sub(known, at))\n  end\nend\n\n-- Moves what has come due behind what is ready already, so that the lists stay in due order.\nlocal function move_due(most)\n  local due = redis.call('ZRANGEBYSCORE', K_DELAYED, '-inf', exact(now_us / 1000), 'WITHSCORES', 'LIMIT', 0, most)\n  if #due == 0 then return end\n  local lists = {}\n  for i = 1, #due, 2 do\n    local member = due[i]\n    local zero = find(member, '\\0', 12, true)\n    local priority, type = sub(member, 11, 11), sub(member, zero + 1)\n    local list = lists[priority .. type]\n    if not list then\n      list = {}\n      lists[priority .. type] = list\n      offer(type, priority)\n      woken[type] = true\n    end\n    list[#list + 1] = hex(math.floor(due[i + 1])) .. sub(member, 12, zero - 1)\n  end\n  redis.call('ZREMRANGEBYRANK', K_DELAYED, 0, #due / 2 - 1)\n  for name, entries in pairs(lists) do redis.call('RPUSH', K_READY .. name, unpack(entries)) end\nend\n\nlocal function next_sequences(many)\n  return redis.call('INCRBY', K_SEQUENCE, many) - many\nend\n\n-- While something is delayed the hash of priorities has a field of no type: one look at it tells that nothing is to do.\nlocal function mark_delayed()\n  redis.call('HSET', K_PRIORITIES, '', 1)\nend\n\nlocal function delay(id, head, due, sequence)\n  mark_delayed()\n  redis.call('ZADD', K_DELAYED, exact(due), sequence .. head.priority .. id .. '\\0' .. head.type)\nend\n\n-- Where it was: in front of what is due later. It came from the front, so the place is near.\nlocal function put_in_front(list, entry)\n  local due = sub(entry, 1, 11)\n  local front = redis.call('LRANGE', list, 0, 99)\n  for i = 1, #front do\n    if sub(front[i], 1, 11) >= due then\n      if i > 1 then\n        redis.call('LINSERT', list, 'BEFORE', front[i], entry)\n        return\n      end\n      break\n    end\n  end\n  if #front > 0 and #front < 100 and sub(front[#front], 1, 11) < due then\n    redis.call('RPUSH', list, entry)\n  else\n    redis.call('LPUSH', list, entry)\n  end\nend\n\n-- Makes a job pending that lies in no queue. Without `due` it is due as it was, in its old place.\nlocal function make_pending(id, head, change, due, expires)\n  local again = due == nil\n  due = due or tonumber(change.due)\n  local ready = due <= now_us / 1000\n  if change.ghost ~= '' then due = math.max(due, tonumber(change.ghost) + 1) end\n  due = math.min(due, FAR)\n  change.due = exact(due)\n  change.sequence = ''\n  if not ready then\n    change.sequence = format('%010x', next_sequences(1))\n    delay(id, head, due, change.sequence)\n    -- a sleeper must learn of a due moment before the one it knows\n    if redis.call('ZRANGE', K_DELAYED, 0, 0)[1] == change.sequence .. head.priority .. id .. '\\0' .. head.type then\n      woken[head.type] = true\n    end\n  else\n    local list = K_READY .. head.list\n    if again then\n      put_in_front(list, hex(math.floor(due)) .. id)\n    else\n      redis.call('RPUSH', list, hex(math.floor(due)) .. id)\n    end\n    offer(head.type, head.priority)\n    woken[head.type] = true\n  end\n  write_change(id, change)\n  if expires and not find(change.flags, 'n', 1, true) then redis.call('ZADD', K_EXPIRY, whole(expires), id) end\n  count('p', head.type, 1)\nend\n\n-- Takes a pending job out of its queue; what lies in a list stays there as a ghost.\nlocal function unqueue(id, head, change, due, sequence)\n  if change.due ~= '' then\n    due, sequence = tonumber(change.due), change.sequence\n  end\n  change.due = exact(due)\n  redis.call('ZREM', K_EXPIRY, id)\n  count('p', head.type, -1)\n  if sequence ~= '' and redis.call('ZREM', K_DELAYED, sequence .. head.priority .. id .. '\\0' .. head.type) == 1 then\n    return\n  end\n  change.ghost = whole(math.max(math.floor(due), tonumber(change.ghost) or 0))\nend\n";

// packages/redis/src/lua/jobs/listen.lua
var listen_default = "-- Says that a hub waits for these types, so that wakes are left for it, and tells when the next of them comes due.\n--\n-- KEYS[1]  base of the job store\n-- ARGV     hub, ms it stays known, then the types\n-- Returns ms until a job of them is due, and which type (counted from 1); nothing when none is to come.\nlocal now_us = micros()\nredis.call('ZADD', K_HUBS, whole(now_us + tonumber(ARGV[2]) * 1000), ARGV[1])\nlocal types = {}\nfor i = 3, #ARGV do types[ARGV[i]] = i - 2 end\nlocal soonest = redis.call('ZRANGEBYSCORE', K_DELAYED, '(' .. math.floor(now_us / 1000), '+inf', 'WITHSCORES', 'LIMIT', 0, 64)\nfor i = 1, #soonest, 2 do\n  local which = types[string.sub(soonest[i], string.find(soonest[i], '\\0', 12, true) + 1)]\n  if which or i == 127 then\n    return { string.format('%.3f', math.max(0, soonest[i + 1] - now_us / 1000)), which or 1 }\n  end\nend\nreturn false\n";

// packages/redis/src/lua/jobs/pause.lua
var pause_default = "-- Pauses or resumes a type, for good and for every worker. Nothing else of it changes.\n--\n-- KEYS[1]  base of the job store   KEYS[2]  the wake list of the type   KEYS[3]  the hubs\n-- ARGV     type, 1 to pause or 0 to resume\nif ARGV[2] == '1' then\n  redis.call('HSET', K_PAUSED, ARGV[1], 1)\nelse\n  redis.call('HDEL', K_PAUSED, ARGV[1])\n  wake(KEYS[2], KEYS[3])\nend\n";

// packages/redis/src/lua/jobs/read.lua
var read_default = "-- Everything that is stored of up to 1,000 jobs.\n--\n-- KEYS[1]  base of the job store\n-- ARGV     ids\n-- Returns {bodies, changes, endings, cancel reasons; then of each worker that holds something of it: {worker, what it holds of each}}.\nlocal answer = {\n  redis.call('HMGET', K_BODIES, unpack(ARGV)),\n  redis.call('HMGET', K_CHANGES, unpack(ARGV)),\n  redis.call('HMGET', K_ENDINGS, unpack(ARGV)),\n  redis.call('HMGET', K_CANCEL, unpack(ARGV)),\n}\nfor _, set in ipairs({ K_WORKERS, K_DEAD }) do\n  local workers = redis.call('ZRANGE', set, 0, -1)\n  for i = 1, #workers do\n    if redis.call('EXISTS', K_HELD .. workers[i]) == 1 then\n      answer[#answer + 1] = { workers[i], redis.call('HMGET', K_HELD .. workers[i], unpack(ARGV)) }\n    end\n  end\nend\nreturn answer\n";

// packages/redis/src/lua/jobs/running.lua
var running_default = "-- How a claim ends without the job ending, and how it is read.\nlocal function read_held(text)\n  return { fence = sub(text, 1, 16), due = tonumber(sub(text, 17, 27), 16), head = head_of(sub(text, 28)) }\nend\n\n-- The job as it stands when its claim is over.\nlocal function change_after(held, text)\n  local change = read_change(text)\n  change.due = whole(held.due)\n  change.fence = held.fence\n  return change\nend\n\n-- Back to pending, or to cancelled where that was asked for. Without `due` it is due as it was.\nlocal function give_back(id, held, change, due, body)\n  local asked = redis.call('HGET', K_CANCEL, id)\n  if asked then\n    finish(id, 'x', held.head, change, asked, '')\n  else\n    local _, _, _, expires = open_body(body)\n    make_pending(id, held.head, change, due, expires)\n  end\nend\n\n-- Claims to give back, from {id, held, \u2026}: those due last first, since each is put in front of the ones after it.\nlocal function last_first(pairs_of, wanted)\n  local claims = {}\n  for i = 1, #pairs_of, 2 do\n    if wanted(pairs_of[i], pairs_of[i + 1]) then\n      claims[#claims + 1] = { id = pairs_of[i], held = pairs_of[i + 1], due = sub(pairs_of[i + 1], 17, 27), at = i }\n    end\n  end\n  table.sort(claims, function(a, b)\n    if a.due ~= b.due then return a.due > b.due end\n    return a.at > b.at\n  end)\n  return claims\nend\n";

// packages/redis/src/lua/jobs/settle.lua
var settle_default = "-- Settles outcomes, then claims, in one step. An outcome counts only under the token of its claim: one of a dead worker, or for a job\n-- that somebody else holds, is stale and changes nothing; one for a job that a living worker no longer holds was settled before. So a\n-- call whose answer was lost is sent again as it is: its outcomes are ok, and what it claimed is given back at a heartbeat.\n-- When memory is full settling still works, since it begins by deleting.\n--\n-- KEYS[1]  base of the job store\n-- ARGV     worker that claims, most jobs, number of types; of each: name, most, most running (or -1);\n--          then groups of outcomes: worker, fence, kind, number, and of each\n--            'c' complete: id, ms, result     'r' retry: id, delay in ms, error     'f' fail: id, reason, error\n--            'x' cancel: id, reason, ''       'l' release: id, '', ''               's' snooze: id, delay in ms, ''\n-- Returns {one digit an outcome: 1 ok, 0 stale; fence of the claim; ms until the next is due; then entry, body, change, repeated}.\nlocal answers, held_elsewhere = {}, nil\n\n-- Of an id that is not held under its token: whether that is because it was settled before.\nlocal function settled_before(worker, id)\n  if not redis.call('ZSCORE', K_WORKERS, worker) then return false end\n  if not held_elsewhere then\n    held_elsewhere = redis.call('ZRANGE', K_WORKERS, 0, -1)\n    local dead = redis.call('ZRANGE', K_DEAD, 0, -1)\n    for i = 1, #dead do held_elsewhere[#held_elsewhere + 1] = dead[i] end\n  end\n  for i = 1, #held_elsewhere do\n    if redis.call('HEXISTS', K_HELD .. held_elsewhere[i], id) == 1 then return false end\n  end\n  return true\nend\n\nlocal function settle(kind, id, held, change, first, second, body)\n  local head = held.head\n  count('r', head.type, -1)\n  if kind == 'c' then\n    change.attempt = change.attempt + 1\n    count('d', head.type, tonumber(first))\n    finish(id, 'c', head, change, '', second)\n  elseif kind == 'f' or (kind == 'r' and change.failures >= head.retries) then\n    change.attempt = change.attempt + 1\n    change.failures = change.failures + 1\n    change.error = second\n    finish(id, 'f', head, change, kind == 'f' and first or 'error', '')\n  elseif kind == 'x' then\n    change.attempt = change.attempt + 1\n    finish(id, 'x', head, change, first, '')\n  elseif kind == 'r' then\n    change.attempt = change.attempt + 1\n    change.failures = change.failures + 1\n    change.error = second\n    give_back(id, held, change, after(tonumber(first)), body)\n  elseif kind == 's' then\n    give_back(id, held, change, after(tonumber(first)), body)\n  else\n    give_back(id, held, change, nil, body)\n  end\nend\n\nlocal function settle_group(at)\n  local worker, fence, kind, many = ARGV[at], ARGV[at + 1], ARGV[at + 2], tonumber(ARGV[at + 3])\n  local ids = {}\n  for i = 1, many do ids[i] = ARGV[at + 1 + i * 3] end\n  local key = K_HELD .. worker\n  local found = redis.call('HMGET', key, unpack(ids))\n  local mine, base = {}, #answers\n  for i = 1, many do\n    local ours = found[i] and sub(found[i], 1, 16) == fence\n    if ours then\n      mine[#mine + 1] = ids[i]\n    else\n      found[i] = false\n    end\n    answers[base + i] = (ours or settled_before(worker, ids[i])) and '1' or '0'\n  end\n  if #mine == 0 then return end\n  redis.call('HDEL', key, unpack(mine))\n  local changes = has_changes and redis.call('HMGET', K_CHANGES, unpack(ids)) or {}\n  local back = kind == 'r' or kind == 'l' or kind == 's'\n  local bodies = back and redis.call('HMGET', K_BODIES, unpack(ids)) or {}\n  -- released ones the last first: each is put in front of the one claimed after it\n  local first, last, step = 1, many, 1\n  if kind == 'l' then\n    first, last, step = many, 1, -1\n  end\n  for i = first, last, step do\n    if found[i] then\n      local held, row = read_held(found[i]), at + 1 + i * 3\n      settle(kind, ids[i], held, change_after(held, changes[i]), ARGV[row + 1], ARGV[row + 2], bodies[i])\n    end\n  end\n  if redis.call('EXISTS', K_CANCEL) == 1 then redis.call('HDEL', K_CANCEL, unpack(mine)) end\nend\n\nlocal wanted, at = {}, 4\nfor _ = 1, tonumber(ARGV[3]) do\n  wanted[#wanted + 1] = { name = ARGV[at], most = tonumber(ARGV[at + 1]), active = tonumber(ARGV[at + 2]) }\n  at = at + 3\nend\nif at <= #ARGV then\n  has_changes = redis.call('EXISTS', K_CHANGES) == 1\n  while at <= #ARGV do\n    settle_group(at)\n    at = at + 4 + 3 * tonumber(ARGV[at + 3])\n  end\nend\n\nlocal fence, jobs, due, open = '', {}, '', {}\nif #wanted > 0 then\n  move_due(1000)\n  fence, jobs, open = claim(ARGV[1], tonumber(ARGV[2]), wanted)\n  local hubs = redis.call('ZCARD', K_HUBS)\n  due = next_due(open, hubs)\nend\nfinish_out()\nfreed_out()\ntally_out()\nwake_out()\nreturn { table.concat(answers), fence, due, unpack(jobs) }\n";

// packages/redis/src/lua/jobs/sweep.lua
var sweep_default = "-- One bounded round: workers whose lease ended are declared dead; the jobs of dead workers go back, or fail when they died too often or\n-- must never run twice; pending jobs that expired fail; finished ones past their age go, and ids remembered long enough. Two at once do\n-- no harm. A dead worker's claims count until its jobs are taken back, here.\n--\n-- KEYS[1]  base of the job store\n-- ARGV     most jobs to touch, ms after the lease before a worker counts as dead, ms to keep the record of a dead worker\n-- Returns {1 when there is more; recovered; crashed; expired; pruned; the workers declared dead}.\nlocal left, grace, keep = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])\nlocal recovered, crashed, expired, pruned, more = 0, 0, 0, 0, false\n\nlocal dead = redis.call('ZRANGEBYSCORE', K_WORKERS, '-inf', whole(math.floor(now_us / 1000 - grace)), 'LIMIT', 0, 100)\nfor i = 1, #dead do\n  redis.call('ZREM', K_WORKERS, dead[i])\n  redis.call('ZADD', K_DEAD, now, dead[i])\nend\n\nlocal function take_back(worker)\n  local key = K_HELD .. worker\n  local taken = last_first(redis.call('HSCAN', key, 0, 'COUNT', left)[2], function() return true end)\n  for i = 1, math.min(#taken, left) do\n    local id, held = taken[i].id, read_held(taken[i].held)\n    redis.call('HDEL', key, id)\n    count('r', held.head.type, -1)\n    local change = change_after(held, redis.call('HGET', K_CHANGES, id))\n    change.attempt = change.attempt + 1\n    change.crashes = change.crashes + 1\n    if held.head.once or change.crashes >= held.head.crashes then\n      finish(id, 'f', held.head, change, 'crashed', '')\n      crashed = crashed + 1\n    else\n      give_back(id, held, change, nil, redis.call('HGET', K_BODIES, id))\n      recovered = recovered + 1\n    end\n    redis.call('HDEL', K_CANCEL, id)\n    left = left - 1\n  end\n  return redis.call('EXISTS', key) == 0\nend\n\nlocal gone = redis.call('ZRANGE', K_DEAD, 0, -1, 'WITHSCORES')\nfor i = 1, #gone, 2 do\n  if redis.call('EXISTS', K_HELD .. gone[i]) == 1 and (left <= 0 or not take_back(gone[i])) then\n    more = true\n  elseif tonumber(gone[i + 1]) + keep <= now then\n    redis.call('ZREM', K_DEAD, gone[i])\n    redis.call('HDEL', K_INFO, gone[i])\n  end\nend\n\nlocal late = left > 0 and redis.call('ZRANGEBYSCORE', K_EXPIRY, '-inf', now, 'LIMIT', 0, left) or {}\nfor i = 1, #late do\n  local id = late[i]\n  local body = redis.call('HGET', K_BODIES, id)\n  if body then\n    local head, due, sequence = open_body(body)\n    local change = read_change(redis.call('HGET', K_CHANGES, id))\n    unqueue(id, head, change, due, sequence)\n    finish(id, 'f', head, change, 'expired', '')\n    expired = expired + 1\n  else\n    redis.call('ZREM', K_EXPIRY, id)\n  end\n  left = left - 1\nend\nfinish_out()\n\nlocal names = redis.call('SMEMBERS', K_KEPT_NAMES)\nfor i = 1, #names do\n  if left <= 0 then break end\n  local key = K_KEPT .. names[i]\n  local old = redis.call('ZRANGEBYSCORE', key, '-inf', now, 'LIMIT', 0, left)\n  if #old > 0 then\n    redis.call('ZREM', key, unpack(old))\n    drop_records(old)\n    pruned = pruned + #old\n    left = left - #old\n  end\n  if redis.call('EXISTS', key) == 0 then redis.call('SREM', K_KEPT_NAMES, names[i]) end\nend\npruned = pruned + forget()\nredis.call('ZREMRANGEBYSCORE', K_HUBS, '-inf', whole(now_us))\nfreed_out()\ntally_out()\nwake_out()\nreturn { (more or left <= 0) and 1 or 0, recovered, crashed, expired, pruned, dead }\n";

// packages/redis/src/lua/jobs/workers.lua
var workers_default = "-- KEYS[1]  base of the job store\n-- Returns of each worker, the dead ones last: name, end of its lease, 1 when dead, number of jobs it holds, info; repeated.\nlocal answer = {}\nfor dead, set in ipairs({ K_WORKERS, K_DEAD }) do\n  local workers = redis.call('ZRANGE', set, 0, -1, 'WITHSCORES')\n  for i = 1, #workers, 2 do\n    answer[#answer + 1] = workers[i]\n    answer[#answer + 1] = workers[i + 1]\n    answer[#answer + 1] = dead - 1\n    answer[#answer + 1] = redis.call('HLEN', K_HELD .. workers[i])\n    answer[#answer + 1] = redis.call('HGET', K_INFO, workers[i]) or ''\n  end\nend\nreturn answer\n";

// packages/redis/src/lua/wake.lua
var wake_default = "-- Tells those who wait for `list` to look. One waiter takes one token, so there is one for each hub that is alive, up to eight; a\n-- list that still has tokens gets none, so that it never grows.\nlocal function wake(list, hubs)\n  if redis.call('EXISTS', list) == 1 then return end\n  local waiting = math.min(redis.call('ZCARD', hubs), 8)\n  if waiting == 0 then return end\n  local tokens = {}\n  for i = 1, waiting do tokens[i] = '1' end\n  redis.call('RPUSH', list, unpack(tokens))\nend\n";

// packages/redis/src/job-scripts.ts
var STATE_LETTERS = { completed: "c", failed: "f", cancelled: "x" };
var JOB_SCRIPTS = {
  insert: jobScript("insert", [layout_default, ending_default, insert_default]),
  settle: jobScript("settle", [layout_default, ending_default, running_default, claim_default, settle_default]),
  heartbeat: jobScript("heartbeat", [layout_default, ending_default, running_default, heartbeat_default], REPEATABLE),
  sweep: jobScript("sweep", [layout_default, ending_default, running_default, sweep_default], REPEATABLE),
  change: jobScript("change", [layout_default, ending_default, change_default]),
  read: jobScript("get", [read_default], REPEATABLE),
  pause: jobScript("pause", [pause_default]),
  counts: jobScript("counts", [counts_default], REPEATABLE),
  workers: jobScript("workers", [workers_default], REPEATABLE),
  listen: jobScript("subscribe", [listen_default], REPEATABLE)
};
function jobScript(name, parts, options = {}) {
  const text = parts.join("\n");
  return script(
    `jobs ${name}`,
    [
      keysInLua(text + wake_default, { ...JOB_KEYS, ...WAKE_KEYS }),
      ...text.includes("D_") ? [defaultsInLua()] : [],
      clock_default,
      wake_default,
      text
    ],
    options
  );
}
function defaultsInLua() {
  const keeps = ["completed", "cancelled", "failed"].flatMap((state) => {
    const { ageMs, count: count2 } = DEFAULT_RETENTION[state];
    const letter = STATE_LETTERS[state].toUpperCase();
    return [`local D_AGE_${letter} = ${ageMs ?? "nil"}`, `local D_COUNT_${letter} = ${count2 ?? "nil"}`];
  });
  return [
    `local D_REMEMBER = ${REMEMBER_MS.made}`,
    `local D_CRASHES = ${DEFAULT_MAX_CRASHES}`,
    ...keeps
  ].join("\n");
}

// packages/redis/src/job-settle.ts
function tokenOf(fence, worker) {
  return `${fence}@${worker}`;
}
function readToken(token) {
  const at = token.indexOf("@");
  return at < 0 ? { fence: "", worker: token } : { fence: token.slice(0, at), worker: token.slice(at + 1) };
}
function wantArguments(want) {
  if (want === void 0) return ["", 0, 0];
  const types = new Map(want.types.map((type) => [type.type, type]));
  const args = [want.worker, want.limit, types.size];
  for (const { type, limit, maxActive } of types.values())
    args.push(type, limit ?? want.limit, maxActive ?? -1);
  return args;
}
function outcomeArguments(outcomes, maxBytes) {
  const groups = /* @__PURE__ */ new Map();
  for (const [place, outcome] of outcomes.entries()) {
    const [kind, first, second] = columns(outcome, place, maxBytes);
    const key = kind + outcome.token;
    let group = groups.get(key);
    if (group === void 0) {
      group = { ...readToken(outcome.token), kind, rows: [], places: [] };
      groups.set(key, group);
    }
    group.rows.push(outcome.id, first, second);
    group.places.push(place);
  }
  const args = [];
  const places = [];
  for (const { worker, fence, kind, rows, places: own2 } of groups.values()) {
    args.push(worker, fence, kind, own2.length);
    for (const row of rows) args.push(row);
    places.push(...own2);
  }
  return { args, places };
}
function columns(outcome, place, maxBytes) {
  switch (outcome.kind) {
    case "complete":
      return [
        "c",
        outcome.durationMs ?? 0,
        outcome.result === void 0 || outcome.result === null ? "" : encodeValue(outcome.result, { root: `outcomes[${place}].result`, maxBytes })
      ];
    case "retry":
      return ["r", outcome.delayMs, errorText(outcome.error)];
    case "fail":
      return ["f", outcome.reason, errorText(outcome.error)];
    case "cancel":
      return ["x", outcome.reason ?? "", ""];
    case "release":
      return ["l", "", ""];
    default:
      return ["s", outcome.delayMs, ""];
  }
}
function errorText(error) {
  const mended = Object.entries(error).filter(([, value]) => typeof value === "string");
  return encodeValue(
    Object.fromEntries(mended.map(([key, value]) => [key, value.toWellFormed()]))
  );
}
function readClaims(answer, worker) {
  const jobs = [];
  const unreadable = [];
  const token = tokenOf(answer[1], worker);
  const fence = Number(answer[1]);
  for (let i = 3; i < answer.length; i += 3) {
    const entry = answer[i];
    try {
      jobs.push(readClaim(entry, answer[i + 1], answer[i + 2], fence, token));
    } catch (error) {
      if (!(error instanceof ValueUnserializableError)) throw error;
      unreadable.push({
        id: entry.slice(11),
        token,
        error: { name: error.name, message: error.message, code: error.code }
      });
    }
  }
  return { jobs, unreadable };
}

// packages/redis/src/redis-adapter.ts
var RedisAdapter = class {
  backend;
  #what;
  #closed = false;
  /** `shares`: whether it keeps the connections open until it is closed. */
  constructor(backend, what, shares = true) {
    this.backend = backend;
    this.#what = what;
    if (shares) backend.attach(this);
  }
  async ready() {
    this.guard();
    await this.backend.ready();
    this.guard();
  }
  async ping() {
    this.guard();
    await this.backend.connection.read("ping");
  }
  async close() {
    if (this.#closed) return;
    this.#closed = true;
    this.backend.detach(this);
  }
  get closed() {
    return this.#closed;
  }
  guard() {
    if (this.#closed) throw new ClosedError(this.#what);
  }
  async run(script2, keys, args) {
    this.guard();
    return await this.backend.connection.run(script2, keys, args);
  }
};
function withBackend(adapter, backend) {
  return Object.defineProperty(adapter, BACKEND, { value: backend });
}

// packages/redis/src/job-store.ts
var DEAD_WORKER_KEEP_MS = 36e5;
var NOTHING2 = { settled: [], jobs: [], nextDueInMs: null };
var ANSWERS = { o: "ok", m: "missing", r: "refused" };
var RedisJobStore = class extends RedisAdapter {
  traits = { clock: "server", durability: "server" };
  #base;
  #hub;
  /** Nothing was found the last time, nothing is delayed, and nobody has woken us since: a mere poll may look less closely. */
  #isQuiet = false;
  constructor(backend, scope) {
    super(backend, "the Redis job store", false);
    this.#base = jobBase(backend.settings.prefix, scope);
  }
  async insert(jobs, options) {
    this.guard();
    checkBatch(jobs.length, "jobs");
    if (options?.transaction !== void 0) {
      throw new InvalidArgumentError(
        "Redis has no transaction to insert a job in; leave `tx` out, or keep jobs in the database of the transaction"
      );
    }
    const { maxValueBytes } = this.backend.settings;
    const encoded = jobs.map((job) => {
      try {
        return encodeJob(job, maxValueBytes);
      } catch (error) {
        return error;
      }
    });
    const { args, sent: sent2 } = insertArguments(encoded);
    const digits = sent2 === 0 ? null : await this.run(JOB_SCRIPTS.insert, this.#base, args);
    return spreadInserts(encoded, digits);
  }
  async settle(outcomes, want) {
    this.guard();
    checkBatch(outcomes.length, "outcomes");
    checkOutcomes(outcomes);
    if (want !== void 0) checkClaimRequest(want);
    if (this.#isQuiet && outcomes.length === 0 && want !== void 0 && await this.#nothingFor(want))
      return NOTHING2;
    this.#isQuiet = false;
    const { args, places } = outcomeArguments(outcomes, this.backend.settings.maxValueBytes);
    const answer = await this.run(
      JOB_SCRIPTS.settle,
      this.#base,
      wantArguments(want).concat(args)
    );
    const settled2 = new Array(outcomes.length);
    for (const [i, place] of places.entries()) settled2[place] = answer[0][i] === "1" ? "ok" : "stale";
    const { jobs, unreadable } = readClaims(answer, want?.worker ?? "");
    if (unreadable.length > 0) {
      await this.settle(unreadable.map((claim) => ({ ...claim, kind: "fail", reason: "undecodable" })));
    }
    const nextDueInMs = answer[2] === "" ? null : Number(answer[2]);
    this.#isQuiet = this.#hub !== void 0 && jobs.length === 0 && nextDueInMs === null;
    return { settled: settled2, jobs, nextDueInMs };
  }
  /** One plain command tells whether a claim could find anything, or anything is delayed at all. */
  async #nothingFor(want) {
    const types = want.types.map((type) => type.type);
    const lists = await this.backend.connection.read(
      "hmget",
      this.#base + JOB_KEYS.PRIORITIES,
      "",
      ...types
    );
    return lists.every((list) => list === null);
  }
  async heartbeat(worker, held) {
    this.guard();
    checkWorkerReport(worker);
    const { id, leaseMs, phase = "active", claimGraceMs = OPERATION_DEADLINE_MS, info } = worker;
    const args = [id, leaseMs, phase, claimGraceMs, info === void 0 ? "" : encodeValue(info)];
    for (const mine of held) {
      const { fence, worker: owner } = readToken(mine.token);
      args.push(mine.id, owner === id ? fence : "-");
    }
    const [alive, , lost, cancelRequested] = await this.run(JOB_SCRIPTS.heartbeat, this.#base, args);
    return { alive: alive === 1, lost, cancelRequested };
  }
  async sweep(limits) {
    this.guard();
    checkSweepLimits(limits);
    const [more, recovered, crashed2, expired, pruned, dead] = await this.run(JOB_SCRIPTS.sweep, this.#base, [
      Math.min(limits.limit ?? MAX_BATCH, MAX_BATCH),
      limits.graceMs ?? 0,
      DEAD_WORKER_KEEP_MS
    ]);
    return { more: more === 1, dead, recovered, crashed: crashed2, expired, pruned };
  }
  async get(ids) {
    this.guard();
    for (const id of ids) checkName(id, "id");
    const records = [];
    for (const chunk of inChunks(ids, MAX_BATCH)) {
      const [bodies, changes, endings, cancels, ...workers] = await this.run(
        JOB_SCRIPTS.read,
        this.#base,
        chunk
      );
      for (const [i, id] of chunk.entries()) {
        const body = bodies[i];
        if (body === null || body === void 0) {
          records.push(null);
          continue;
        }
        const holder = workers.find(([, held]) => held[i] !== null);
        records.push(
          readRecord({
            id,
            body,
            change: changes[i] ?? null,
            ending: endings[i] ?? null,
            cancel: cancels[i] ?? null,
            held: holder === void 0 ? null : { worker: holder[0], text: holder[1][i] }
          })
        );
      }
    }
    return records;
  }
  async list(query) {
    this.guard();
    const key = this.#base + JOB_KEYS.BODIES;
    const source = {
      scan: async (cursor, count2) => {
        this.guard();
        const [next, pairs] = await this.backend.connection.read("hscan", key, cursor, "COUNT", count2);
        return [next, pairs.filter((_, i) => i % 2 === 0)];
      },
      get: (ids) => this.get(ids)
    };
    return await listJobs2(source, query, checkedQuery(query));
  }
  async counts() {
    this.guard();
    const [counters, paused] = await this.run(JOB_SCRIPTS.counts, this.#base, []);
    const types = {};
    const NONE = {
      pending: 0,
      running: 0,
      completed: 0,
      failed: 0,
      cancelled: 0,
      durationMs: 0,
      paused: false
    };
    for (let i = 0; i < counters.length; i += 2) {
      const field = counters[i];
      const name = COUNTERS[field[0]];
      const type = field.slice(1);
      if (name !== void 0)
        put2(types, type, { ...own(types, type) ?? NONE, [name]: Number(counters[i + 1]) });
    }
    for (const type of paused) put2(types, type, { ...own(types, type) ?? NONE, paused: true });
    return { types };
  }
  async change(ids, change) {
    this.guard();
    for (const id of ids) checkName(id, "id");
    checkChange(change);
    const spec = changeText(change);
    const answers = /* @__PURE__ */ new Map();
    for (const chunk of inChunks([...new Set(ids)], MAX_BATCH)) {
      const letters = await this.run(JOB_SCRIPTS.change, this.#base, [
        change.kind,
        spec,
        ...chunk
      ]);
      for (const [i, id] of chunk.entries()) answers.set(id, ANSWERS[letters[i]] ?? "refused");
    }
    return ids.map((id) => answers.get(id) ?? "missing");
  }
  async pause(type, paused) {
    this.guard();
    checkName(type, "type");
    const keys = [this.#base, wakeKey(this.#base, type), hubsKey(this.#base)];
    await this.run(JOB_SCRIPTS.pause, keys, [type, paused ? 1 : 0]);
  }
  async workers() {
    this.guard();
    const rows = await this.run(JOB_SCRIPTS.workers, this.#base, []);
    const workers = [];
    for (let i = 0; i < rows.length; i += 5) {
      const info = rows[i + 4];
      workers.push({
        id: rows[i],
        until: Math.floor(Number(rows[i + 1])),
        dead: rows[i + 2] === 1,
        running: rows[i + 3],
        info: info === "" ? {} : decodeValue(info, "info")
      });
    }
    return workers;
  }
  async subscribe(types, onWake) {
    this.guard();
    for (const type of types) checkName(type, "type");
    this.#hub ??= this.backend.openHub(this.#base, { script: JOB_SCRIPTS.listen, parts: (names) => names });
    const stop = await this.#hub.watch([...new Set(types)], (type) => {
      this.#isQuiet = false;
      onWake(type);
    });
    return async () => stop();
  }
  async close() {
    this.#hub?.close();
    await super.close();
  }
};
var COUNTERS = {
  p: "pending",
  r: "running",
  c: "completed",
  f: "failed",
  x: "cancelled",
  d: "durationMs"
};
function own(types, type) {
  return Object.hasOwn(types, type) ? types[type] : void 0;
}
function put2(types, type, counts) {
  Object.defineProperty(types, type, { value: counts, enumerable: true, configurable: true, writable: true });
}
function changeText(change) {
  if (change.kind === "cancel") return change.reason ?? "";
  if (change.kind === "reschedule") return instantText(change.delayMs, "delayMs", change.runAt, "runAt");
  return "";
}
function checkBatch(length, what) {
  if (length <= MAX_BATCH) return;
  throw new InvalidArgumentError(`${what} takes at most ${MAX_BATCH} at a time, not ${length}`);
}

// packages/redis/src/lua/leave-hub.lua
var leave_hub_default = "-- KEYS[1]  base of the scope\n-- ARGV     hub\nredis.call('ZREM', K_HUBS, ARGV[1])\n";

// packages/redis/src/reset.ts
var KEYS_A_STEP = 500;
async function resetPrefix(connection, prefix) {
  const pattern = everyKeyOf(prefix);
  for (const master of await connection.masters()) {
    let cursor = "0";
    do {
      const from = cursor;
      const [next, keys] = await connection.attempt(
        "reset",
        () => master.scan(from, "MATCH", pattern, "COUNT", KEYS_A_STEP),
        true
      );
      await connection.attempt("reset", () => Promise.all(keys.map((key) => master.unlink(key))), true);
      cursor = next;
    } while (cursor !== "0");
  }
}

// packages/redis/src/wake-hub.ts
import { randomUUID as randomUUID2 } from "node:crypto";

// packages/redis/src/lua/nudge.lua
var nudge_default = "-- Makes one hub's blocking pop return, because what it waits for has changed. The list goes by itself when the hub is gone.\n--\n-- KEYS[1]  the hub's own list\nredis.call('RPUSH', KEYS[1], '1')\nredis.call('PEXPIRE', KEYS[1], 60000)\n";

// packages/redis/src/wake-hub.ts
var NUDGE = script("nudge", [nudge_default]);
var BLOCK_MS = 3e4;
var GRACE_MS = 2e3;
var KNOWN_BLOCKS = 3;
var RELISTEN_MS = 100;
var LINGER_MS = 500;
var BURST_MS = 5;
var LONGEST_RETRY_MS = 2e3;
var WakeHub = class {
  #options;
  #id = randomUUID2();
  #watched = /* @__PURE__ */ new Map();
  #blocking;
  #blockMs;
  #listening;
  #listenedAt = Number.NEGATIVE_INFINITY;
  #dueTimer;
  #linger;
  #relistenTimer;
  #wakeUp;
  #running = false;
  #closed = false;
  constructor(options) {
    this.#options = options;
    this.#blockMs = options.blockMs ?? BLOCK_MS;
    const deadlineMs = this.#blockMs + (options.graceMs ?? GRACE_MS);
    this.#blocking = new Connection({ open: options.open, deadlineMs, what: "redis" });
  }
  /** Calls `onWake` for hints about `name`. Resolves, once listening, to the way to stop. */
  async watch(names, onWake) {
    for (const name of names) {
      const listeners = this.#watched.get(name) ?? /* @__PURE__ */ new Set();
      this.#watched.set(name, listeners.add(onWake));
    }
    const stop = () => {
      for (const name of names) this.#unwatch(name, onWake);
    };
    try {
      await this.#listen();
      if (!this.#running) void this.#loop();
      else await this.#nudge();
    } catch (error) {
      stop();
      throw error;
    }
    return stop;
  }
  close() {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#linger);
    clearTimeout(this.#relistenTimer);
    this.#dueTimer?.cancel();
    this.#wakeUp?.();
    this.#blocking.close();
    this.#watched.clear();
    if (this.#running) this.#leave();
  }
  #unwatch(name, onWake) {
    const listeners = this.#watched.get(name);
    listeners?.delete(onWake);
    if (listeners?.size !== 0) return;
    this.#watched.delete(name);
    clearTimeout(this.#linger);
    this.#linger = setTimeout(() => this.#nudge().catch(this.#options.onFault), LINGER_MS);
    this.#linger.unref();
  }
  /** Registers, and sets the timer for the next due moment. Calls that come while one is under way share the next one. */
  #listen() {
    this.#listening ??= this.#listenNow().finally(() => {
      this.#listening = void 0;
    });
    return this.#listening;
  }
  async #listenNow() {
    await null;
    const names = [...this.#watched.keys()];
    const next = await this.#options.listen(this.#id, KNOWN_BLOCKS * this.#blockMs, names);
    this.#listenedAt = performance.now();
    this.#dueTimer?.cancel();
    this.#dueTimer = void 0;
    if (this.#closed || next === null) return;
    this.#dueTimer = systemClock.after(next.inMs, () => {
      this.#tell(next.name);
      this.#relisten();
    });
  }
  /** Nobody waits for the answer: the server forgets the hub by itself, only later. */
  #leave() {
    this.#options.leave(this.#id).catch(() => void 0);
  }
  #relisten() {
    if (!this.#closed) this.#listen().catch(this.#options.onFault);
  }
  #relistenSoon() {
    this.#relistenTimer ??= setTimeout(
      () => {
        this.#relistenTimer = void 0;
        this.#relisten();
      },
      Math.max(0, RELISTEN_MS - (performance.now() - this.#listenedAt))
    );
  }
  async #loop() {
    this.#running = true;
    let retryMs = 10;
    let lastWake = Number.NEGATIVE_INFINITY;
    while (!this.#closed && this.#watched.size > 0) {
      try {
        const woken = await this.#pop();
        retryMs = 10;
        if (this.#closed) break;
        if (woken !== null) {
          this.#tell(woken);
          const burst = performance.now() - lastWake < BURST_MS;
          lastWake = performance.now();
          if (burst) await this.#pause(BURST_MS);
          this.#relistenSoon();
        } else if (performance.now() - this.#listenedAt >= this.#blockMs) this.#relisten();
      } catch (error) {
        if (this.#closed) break;
        this.#options.onFault(error);
        await this.#pause(retryMs);
        retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
        this.#relisten();
        for (const name of [...this.#watched.keys()]) this.#tell(name);
      }
    }
    this.#running = false;
    this.#dueTimer?.cancel();
    if (!this.#closed) this.#leave();
  }
  /** The name that was woken; null when the time is over or the names have changed. */
  async #pop() {
    const names = [...this.#watched.keys()];
    const keys = names.map((name) => wakeKey(this.#options.base, name));
    const own2 = nudgeKey(this.#options.base, this.#id);
    const answer = await this.#blocking.pop([...keys, own2], this.#blockMs / 1e3);
    if (answer === null || answer[0] === own2) return null;
    return names[keys.indexOf(answer[0])] ?? null;
  }
  async #nudge() {
    await this.#options.connection.run(NUDGE, nudgeKey(this.#options.base, this.#id), []);
  }
  #tell(name) {
    for (const onWake of [...this.#watched.get(name) ?? []]) onWake(name);
  }
  #pause(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
};

// packages/redis/src/backend.ts
var LEAVE_HUB = script("leave", [keysInLua(leave_hub_default, WAKE_KEYS), leave_hub_default]);
var Backend = class {
  settings;
  connection;
  #open;
  #attached = /* @__PURE__ */ new Set();
  #hubs = /* @__PURE__ */ new Set();
  #ready;
  constructor(source, options = {}) {
    this.settings = settingsOf(source, options);
    const { deadlineMs } = this.settings;
    this.#open = clientFactory(source, deadlineMs);
    this.connection = new Connection({ open: this.#open, deadlineMs, what: "redis" });
  }
  /** Waits for wakes of one scope, on a connection of its own. `listen.parts`: what the script is given of each name. */
  openHub(base, listen) {
    const hub = new WakeHub({
      connection: this.connection,
      open: this.#open,
      base,
      listen: async (hub2, ttlMs, names) => {
        const next = await this.connection.run(listen.script, base, [hub2, ttlMs, ...listen.parts(names)]);
        const name = next === null ? void 0 : names[next[1] - 1];
        return next === null || name === void 0 ? null : { inMs: Number(next[0]), name };
      },
      leave: async (hub2) => {
        await this.connection.run(LEAVE_HUB, base, [hub2]);
      },
      onFault: (error) => this.settings.logger.warn("waiting for Redis was interrupted; it goes on", { error })
    });
    this.#hubs.add(hub);
    return hub;
  }
  /** Checks the server, and resets the prefix where that was asked for. A failure is not kept: the next call tries again. */
  ready() {
    this.#ready ??= this.#prepare().catch((error) => {
      this.#ready = void 0;
      throw error;
    });
    return this.#ready;
  }
  attach(adapter) {
    this.#attached.add(adapter);
  }
  detach(adapter) {
    this.#attached.delete(adapter);
    if (this.#attached.size > 0) return;
    for (const hub of this.#hubs) hub.close();
    this.connection.close();
  }
  fuse({ scope, storage, broker }) {
    if (!this.#attached.has(storage) || !this.#attached.has(broker)) return void 0;
    return new RedisJobStore(this, scope);
  }
  async #prepare() {
    await checkServer(this.connection, this.settings);
    if (this.settings.resetOnInit) await resetPrefix(this.connection, this.settings.prefix);
  }
};

// packages/redis/src/lua/broker/ack.lua
var ack_default = "-- Removes ids. With a receipt only while it proves the live lease, so that a late worker never removes somebody else's claim.\n--\n-- KEYS     see queue.lua\n-- ARGV     id, receipt (or empty); repeated\n-- Returns one digit an item: 0 when its lease is gone.\nlocal answers = {}\nfor i = 1, #ARGV, 2 do\n  local id, receipt = ARGV[i], ARGV[i + 1]\n  if receipt ~= '' and not holds(id, receipt) then\n    answers[#answers + 1] = '0'\n  else\n    remove(id)\n    answers[#answers + 1] = '1'\n  end\nend\nfreed()\nreturn table.concat(answers)\n";

// packages/redis/src/lua/broker/claim.lua
var claim_default2 = "-- Leases ids in order to one consumer, those whose lease has ended among them. Two claims never get one id; while the queue is paused\n-- nothing is given. Each id gets a receipt of its own.\n--\n-- KEYS     see queue.lua\n-- ARGV     consumer, most ids, lease in ms, strategy, most leased at once over the cluster (or -1)\n-- Returns id, receipt, deliveries, due, repeated.\nlocal consumer, limit, lease, strategy = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]\nlocal most = tonumber(ARGV[5])\nif redis.call('EXISTS', K_PAUSED) == 1 then return {} end\n\nlocal function surface(set, bound)\n  local members = redis.call('ZRANGEBYSCORE', set, '-inf', bound, 'LIMIT', 0, 1000)\n  if #members == 0 then return end\n  local leased = set == K_LEASED\n  local ids = {}\n  for i = 1, #members do ids[i] = leased and members[i] or string.sub(members[i], 15) end\n  local entries = redis.call('HMGET', K_ENTRIES, unpack(ids))\n  redis.call('ZREM', set, unpack(members))\n  if leased then redis.call('HDEL', K_RECEIPTS, unpack(ids)) end\n  for i = 1, #ids do\n    if entries[i] then\n      local priority, due, seq = decode(entries[i])\n      put(ids[i], priority, due, seq)\n    end\n  end\nend\nsurface(K_DELAYED, whole(now_us))\nsurface(K_LEASED, whole(now_us))\n\nlocal room = limit\nif most >= 0 then\n  room = math.min(limit, most - redis.call('ZCARD', K_LEASED))\n  if room < limit and redis.call('ZCARD', K_BY_DUE) > math.max(room, 0) then redis.call('SET', K_LIMITED, 1) end\nend\nif room <= 0 then return {} end\n\nlocal members\nif strategy == 'priority' then\n  members = redis.call('ZRANGE', K_BY_PRIORITY, 0, room - 1)\nelseif strategy == 'fifo' then\n  members = redis.call('ZRANGE', K_BY_DUE, 0, room - 1)\nelse\n  members = redis.call('ZREVRANGE', K_BY_DUE, 0, room - 1)\nend\nif #members == 0 then return {} end\n\nlocal first = numbers(#members)\nlocal ends = whole(math.min(now_us + lease * 1000, FAR))\nlocal ids = {}\nfor i = 1, #members do ids[i] = string.sub(members[i], 15) end\nlocal entries = redis.call('HMGET', K_ENTRIES, unpack(ids))\nlocal answer, leases, receipts, written = {}, {}, {}, {}\nfor i = 1, #ids do\n  local priority, due, seq, deliveries = decode(entries[i])\n  local receipt = whole(first + i - 1)\n  answer[#answer + 1] = ids[i]\n  answer[#answer + 1] = receipt\n  answer[#answer + 1] = deliveries + 1\n  answer[#answer + 1] = whole(math.floor(due / 1000))\n  leases[#leases + 1] = ends\n  leases[#leases + 1] = ids[i]\n  receipts[#receipts + 1] = ids[i]\n  receipts[#receipts + 1] = receipt .. ' ' .. consumer\n  written[#written + 1] = ids[i]\n  written[#written + 1] = encode(priority, due, seq, deliveries + 1)\nend\nredis.call('ZREM', K_BY_PRIORITY, unpack(members))\nredis.call('ZREM', K_BY_DUE, unpack(members))\nredis.call('ZADD', K_LEASED, unpack(leases))\nredis.call('HSET', K_RECEIPTS, unpack(receipts))\nredis.call('HSET', K_ENTRIES, unpack(written))\n-- this look was for one; somebody else may take the rest\nif redis.call('ZCARD', K_BY_DUE) > 0 and redis.call('ZCARD', KEYS[3]) > 1 then wake(KEYS[2], KEYS[3]) end\nreturn answer\n";

// packages/redis/src/lua/broker/extend.lua
var extend_default = "-- Sets the end of this consumer's live leases. One that has ended stays ended, even if nobody has claimed the id since.\n--\n-- KEYS     see queue.lua\n-- ARGV     consumer, lease in ms; then id, receipt (or empty), repeated\n-- Returns one digit an item: 0 when its lease is gone.\nlocal consumer = ARGV[1]\nlocal ends = whole(math.min(now_us + tonumber(ARGV[2]) * 1000, FAR))\nlocal answers = {}\nfor i = 3, #ARGV, 2 do\n  local id, receipt = ARGV[i], ARGV[i + 1]\n  local stored = lease_end(id) > now_us and redis.call('HGET', K_RECEIPTS, id)\n  local space = stored and string.find(stored, ' ', 1, true)\n  if\n    stored\n    and string.sub(stored, space + 1) == consumer\n    and (receipt == '' or string.sub(stored, 1, space - 1) == receipt)\n  then\n    redis.call('ZADD', K_LEASED, ends, id)\n    answers[#answers + 1] = '1'\n  else\n    answers[#answers + 1] = '0'\n  end\nend\nreturn table.concat(answers)\n";

// packages/redis/src/lua/broker/has.lua
var has_default = "-- KEYS     see queue.lua\n-- ARGV     ids\n-- Returns one digit an id: 1 when it is waiting, delayed or leased.\nlocal answers = redis.call('HMGET', K_ENTRIES, unpack(ARGV))\nfor i = 1, #ARGV do answers[i] = answers[i] and '1' or '0' end\nreturn table.concat(answers)\n";

// packages/redis/src/lua/broker/is-paused.lua
var is_paused_default = "-- KEYS     see queue.lua\n-- Returns 1 while the queue is paused, else 0.\nreturn redis.call('EXISTS', K_PAUSED)\n";

// packages/redis/src/lua/broker/listen.lua
var listen_default2 = "-- Says that a hub waits for these queues, so that wakes are left for it, and tells when the next of them comes due.\n--\n-- KEYS[1]  base of the scope\n-- ARGV     hub, ms it stays known, then the key base of each queue\n-- Returns ms until a delay or lease ends, and which queue (counted from 1); nothing when none will.\nlocal now_us = micros()\nredis.call('ZREMRANGEBYSCORE', K_HUBS, '-inf', whole(now_us))\nredis.call('ZADD', K_HUBS, whole(now_us + tonumber(ARGV[2]) * 1000), ARGV[1])\nlocal soonest, which\nfor i = 3, #ARGV do\n  local delayed = redis.call('ZRANGEBYSCORE', ARGV[i] .. S_DELAYED, '(' .. whole(now_us), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]\n  local leased = redis.call('ZRANGEBYSCORE', ARGV[i] .. S_LEASED, '(' .. whole(now_us), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]\n  local at = delayed and tonumber(delayed)\n  if leased and (not at or tonumber(leased) < at) then at = tonumber(leased) end\n  if at and (not soonest or at < soonest) then\n    soonest, which = at, i - 2\n  end\nend\nif not soonest then return false end\nreturn { string.format('%.3f', (soonest - now_us) / 1000), which }\n";

// packages/redis/src/lua/broker/nack.lua
var nack_default = "-- Gives leased ids back, due after a delay, with their priority; an immediate one goes behind its equals. With a receipt only while\n-- it proves the live lease. Ids that nobody has leased stay as they are.\n--\n-- KEYS     see queue.lua\n-- ARGV     id, delay in ms, receipt (or empty); repeated\n-- Returns one digit an item: 0 when its lease is gone.\nlocal answers, changed = {}, false\nfor i = 1, #ARGV, 3 do\n  local id, delay, receipt = ARGV[i], tonumber(ARGV[i + 1]), ARGV[i + 2]\n  if receipt ~= '' and not holds(id, receipt) then\n    answers[#answers + 1] = '0'\n  else\n    if redis.call('ZREM', K_LEASED, id) == 1 then\n      redis.call('HDEL', K_RECEIPTS, id)\n      local priority, _, _, deliveries = decode(redis.call('HGET', K_ENTRIES, id))\n      local due, seq = due_after(delay), string.format('%014x', numbers(1))\n      redis.call('HSET', K_ENTRIES, id, encode(priority, due, seq, deliveries))\n      put(id, priority, due, seq)\n      changed = true\n    end\n    answers[#answers + 1] = '1'\n  end\nend\nif changed then\n  redis.call('UNLINK', K_LIMITED)\n  wake(KEYS[2], KEYS[3])\nend\nreturn table.concat(answers)\n";

// packages/redis/src/lua/broker/next-due.lua
var next_due_default = "-- KEYS     see queue.lua\n-- Returns ms until time alone makes something claimable, as text; 0 when something is; nothing when never, or paused.\nif redis.call('EXISTS', K_PAUSED) == 1 then return false end\nif redis.call('ZCARD', K_BY_DUE) > 0 then return '0' end\nlocal soonest\nlocal delayed = redis.call('ZRANGE', K_DELAYED, 0, 0, 'WITHSCORES')[2]\nif delayed then soonest = tonumber(delayed) end\nlocal leased = redis.call('ZRANGE', K_LEASED, 0, 0, 'WITHSCORES')[2]\nif leased and (not soonest or tonumber(leased) < soonest) then soonest = tonumber(leased) end\nif not soonest then return false end\nreturn string.format('%.3f', math.max(0, (soonest - now_us) / 1000))\n";

// packages/redis/src/lua/broker/pause.lua
var pause_default2 = "-- Pauses or resumes the queue, for good. No claim that starts after this gives anything while paused.\n--\n-- KEYS     see queue.lua\n-- ARGV     1 to pause, 0 to resume\nif ARGV[1] == '1' then\n  redis.call('SET', K_PAUSED, 1)\nelse\n  redis.call('UNLINK', K_PAUSED)\n  wake(KEYS[2], KEYS[3])\nend\n";

// packages/redis/src/lua/broker/publish.lua
var publish_default = "-- Makes each id claimable after its delay. One entry an id: of a waiting or delayed one the earlier due and the higher priority win;\n-- one under a live lease is left alone. Works while paused. Repeating the call changes nothing.\n--\n-- KEYS     see queue.lua\n-- ARGV     id, delay in ms, priority; repeated\nlocal count = #ARGV / 3\nlocal ids, entries = {}, {}\nfor i = 1, count do ids[i] = ARGV[i * 3 - 2] end\nlocal stored = redis.call('HMGET', K_ENTRIES, unpack(ids))\nfor i = 1, count do entries[ids[i]] = stored[i] or nil end\nlocal first = numbers(count)\nlocal head = redis.call('ZRANGE', K_DELAYED, 0, 0)[1]\nlocal ready = false\n\nfor i = 1, count do\n  local id, due, priority = ids[i], due_after(tonumber(ARGV[i * 3 - 1])), tonumber(ARGV[i * 3])\n  local seq, deliveries = string.format('%014x', first + i - 1), 0\n  local old = entries[id]\n  local leased = old and lease_end(id) > now_us\n  if old and not leased then\n    local old_priority, old_due\n    old_priority, old_due, seq, deliveries = decode(old)\n    due, priority = math.min(due, old_due), math.max(priority, old_priority)\n    take_out(id, seq)\n  end\n  if not leased then\n    entries[id] = encode(priority, due, seq, deliveries)\n    redis.call('HSET', K_ENTRIES, id, entries[id])\n    put(id, priority, due, seq)\n    ready = ready or due <= now_us\n  end\nend\nif ready or redis.call('ZRANGE', K_DELAYED, 0, 0)[1] ~= head then wake(KEYS[2], KEYS[3]) end\n";

// packages/redis/src/lua/broker/queue.lua
var queue_default = "-- One queue. An entry is `priority,due,seq,deliveries`, due in microseconds, and lies in exactly one place: waiting (in two sorted sets, by priority and by\n-- due), delayed, or leased. A member of the waiting and delayed sets is seq + id, so that ties keep the publisher's order.\n--\n-- KEYS[1]  base of the queue   KEYS[2]  its wake list   KEYS[3]  the hubs of its scope\nlocal now_us = micros()\n-- more than any due millisecond until the year 2109, and 41 times it is an exact number\nlocal BAND = 4398046511104\nlocal FAR = 9007199254740991\n\nlocal function due_after(delay)\n  return math.min(math.ceil(now_us + delay * 1000), FAR)\nend\n\n-- Grows over restarts too, since it follows the clock.\nlocal function numbers(count)\n  local last = tonumber(redis.call('GET', K_SEQUENCE) or 0)\n  local first = math.max(last + 1, now_us)\n  redis.call('SET', K_SEQUENCE, whole(first + count - 1))\n  return first\nend\n\nlocal function decode(text)\n  local priority, due, seq, deliveries = string.match(text, '^([^,]*),([^,]*),([^,]*),(.*)$')\n  return tonumber(priority), tonumber(due), seq, tonumber(deliveries)\nend\n\nlocal function encode(priority, due, seq, deliveries)\n  return string.format('%d,%.0f,%s,%d', priority, due, seq, deliveries)\nend\n\nlocal function put(id, priority, due, seq)\n  local member = seq .. id\n  if due > now_us then\n    redis.call('ZADD', K_DELAYED, whole(due), member)\n  else\n    redis.call('ZADD', K_BY_PRIORITY, whole((20 - priority) * BAND + math.floor(due / 1000)), member)\n    redis.call('ZADD', K_BY_DUE, whole(due), member)\n  end\nend\n\nlocal function take_out(id, seq)\n  local member = seq .. id\n  if redis.call('ZREM', K_BY_DUE, member) == 1 then\n    redis.call('ZREM', K_BY_PRIORITY, member)\n  elseif redis.call('ZREM', K_DELAYED, member) == 0 then\n    redis.call('ZREM', K_LEASED, id)\n    redis.call('HDEL', K_RECEIPTS, id)\n  end\nend\n\nlocal function lease_end(id)\n  return tonumber(redis.call('ZSCORE', K_LEASED, id) or 0)\nend\n\n-- Whether `receipt` proves the lease that is live now.\nlocal function holds(id, receipt)\n  if lease_end(id) <= now_us then return false end\n  local stored = redis.call('HGET', K_RECEIPTS, id)\n  return stored ~= false and string.sub(stored, 1, string.find(stored, ' ', 1, true) - 1) == receipt\nend\n\n-- A place under `maxActive` is free again: those who were refused one look anew.\nlocal function freed()\n  if redis.call('UNLINK', K_LIMITED) == 1 then wake(KEYS[2], KEYS[3]) end\nend\n\nlocal function remove(id)\n  local entry = redis.call('HGET', K_ENTRIES, id)\n  if not entry then return false end\n  local _, _, seq = decode(entry)\n  take_out(id, seq)\n  redis.call('HDEL', K_ENTRIES, id)\n  return true\nend\n";

// packages/redis/src/lua/broker/remove.lua
var remove_default = "-- Removes an id whatever its state.\n--\n-- KEYS     see queue.lua\n-- ARGV     id\n-- Returns 1 when it was there, else 0.\nlocal was = remove(ARGV[1])\nfreed()\nreturn was and 1 or 0\n";

// packages/redis/src/lua/broker/size.lua
var size_default = "-- KEYS     see queue.lua\n-- Returns {waiting, delayed, leased} as of now; what has come due or lost its lease counts as waiting wherever it still lies.\nlocal delayed = redis.call('ZCOUNT', K_DELAYED, '(' .. whole(now_us), '+inf')\nlocal leased = redis.call('ZCOUNT', K_LEASED, '(' .. whole(now_us), '+inf')\nreturn { redis.call('HLEN', K_ENTRIES) - delayed - leased, delayed, leased }\n";

// packages/redis/src/lua/server/incarnation.lua
var incarnation_default = "-- What the server answers as long as it has kept its data: it goes with everything else when the data does.\n--\n-- KEYS[1]  the incarnation\n-- ARGV     what it becomes where there is none\nlocal known = redis.call('GET', KEYS[1])\nif known then return known end\nredis.call('SET', KEYS[1], ARGV[1])\nreturn ARGV[1]\n";

// packages/redis/src/broker-scripts.ts
var BROKER_SCRIPTS = {
  publish: onQueue("publish", publish_default),
  claim: onQueue("claim", claim_default2),
  ack: onQueue("ack", ack_default),
  nack: onQueue("nack", nack_default),
  extend: onQueue("extend", extend_default, REPEATABLE),
  remove: onQueue("remove", remove_default),
  pause: onQueue("pause", pause_default2),
  size: onQueue("size", size_default, REPEATABLE),
  nextDue: onQueue("nextDueIn", next_due_default, REPEATABLE),
  isPaused: alone("isPaused", is_paused_default),
  has: alone("has", has_default),
  listen: script(
    "broker subscribe",
    [keysInLua(listen_default2, { ...QUEUE_KEYS, ...WAKE_KEYS }), clock_default, listen_default2],
    REPEATABLE
  ),
  incarnation: script("broker incarnation", [incarnation_default], REPEATABLE)
};
function onQueue(name, text, options = {}) {
  return script(
    `broker ${name}`,
    [keysInLua(queue_default + text, QUEUE_KEYS), clock_default, wake_default, queue_default, text],
    options
  );
}
function alone(name, text) {
  return script(`broker ${name}`, [keysInLua(text, QUEUE_KEYS), text], REPEATABLE);
}

// packages/redis/src/broker-waits.ts
async function waitForWake(blocked, end) {
  const wakes = new Wakes(end);
  const forget = blocked.onStop(() => wakes.wake());
  let stopWatching;
  try {
    stopWatching = await blocked.watch(() => wakes.wake());
    for (; ; ) {
      if (blocked.stopped()) return null;
      const id = await blocked.claim();
      if (id !== null || blocked.stopped()) return id;
      if (performance.now() >= end) return null;
      await wakes.next();
    }
  } finally {
    stopWatching?.();
    forget();
  }
}
var Wakes = class {
  #woken = false;
  #resolve;
  #end;
  constructor(end) {
    this.#end = end;
  }
  wake() {
    this.#woken = true;
    this.#resolve?.();
  }
  async next() {
    if (!this.#woken) {
      await new Promise((resolve) => {
        const timer = setTimeout(
          () => this.#resolve?.(),
          Math.min(this.#end - performance.now(), 2 ** 31 - 1)
        );
        this.#resolve = () => {
          clearTimeout(timer);
          this.#resolve = void 0;
          resolve();
        };
      });
    }
    this.#woken = false;
  }
};

// packages/redis/src/claimed-from.ts
var MOST = 2e4;
var ClaimedFrom = class {
  #names = /* @__PURE__ */ new Map();
  add(consumerId, id, name) {
    const key = keyOf(consumerId, id);
    this.#names.delete(key);
    this.#names.set(key, name);
    if (this.#names.size <= MOST) return;
    for (const oldest of this.#names.keys()) {
      this.#names.delete(oldest);
      return;
    }
  }
  get(consumerId, id) {
    return this.#names.get(keyOf(consumerId, id));
  }
};
function keyOf(consumerId, id) {
  return `${consumerId}\0${id}`;
}

// packages/redis/src/broker.ts
var STRATEGIES = ["priority", "fifo", "lifo"];
var BATCH2 = 500;
var RedisBroker = class extends RedisAdapter {
  traits = {
    clock: "server",
    durability: "server",
    receipts: true,
    strategies: STRATEGIES
  };
  #claimedFrom = new ClaimedFrom();
  #hubs = /* @__PURE__ */ new Map();
  /** Called when the broker closes. */
  #onClose = /* @__PURE__ */ new Set();
  constructor(backend) {
    super(backend, "the Redis broker");
  }
  async publish(name, id, delayMs, priority) {
    await this.publishMany(name, [
      { id, ...delayMs !== void 0 && { delayMs }, ...priority !== void 0 && { priority } }
    ]);
  }
  async publishMany(name, items) {
    const rows = items.map(({ id, delayMs = 0, priority = 0 }) => {
      checkName(id, "id");
      checkDelay(delayMs);
      checkPriority(priority);
      return [id, delayMs, priority];
    });
    await this.#each(BROKER_SCRIPTS.publish, name, rows);
  }
  async claim(name, consumerId, limit, leaseMs, strategy = "priority") {
    const leases = await this.claimLeases(name, consumerId, limit, leaseMs, { strategy });
    return leases.map((lease) => lease.id);
  }
  async claimLeases(name, consumerId, limit, leaseMs, options = {}) {
    this.guard();
    checkName(consumerId, "consumerId");
    if (!Number.isSafeInteger(limit) || limit < 0)
      throw new InvalidArgumentError(`limit must be a non-negative integer, not ${limit}`);
    checkPositive2(leaseMs, "leaseMs");
    const { strategy = "priority", maxActive } = options;
    checkStrategy(strategy);
    if (maxActive !== void 0) checkPositive2(maxActive, "maxActive");
    const leases = [];
    const keys = this.#keys(name);
    while (leases.length < limit) {
      const wanted = Math.min(limit - leases.length, BATCH2);
      const answer = await this.run(BROKER_SCRIPTS.claim, keys, [
        consumerId,
        wanted,
        leaseMs,
        strategy,
        maxActive ?? -1
      ]);
      for (let i = 0; i < answer.length; i += 4) {
        const [id, receipt, deliveries, dueAt] = answer.slice(i, i + 4);
        this.#claimedFrom.add(consumerId, id, name);
        leases.push({ id, receipt, deliveries, dueAt: Number(dueAt) });
      }
      if (answer.length / 4 < wanted) break;
    }
    return leases;
  }
  async claimBlocking(name, consumerId, leaseMs, timeoutMs, strategy = "priority", signal) {
    this.guard();
    if (!(timeoutMs >= 0))
      throw new InvalidArgumentError(`timeoutMs must be 0 or more milliseconds, not ${timeoutMs}`);
    const end = performance.now() + timeoutMs;
    const stopped = () => this.closed || signal?.aborted === true;
    if (stopped()) return null;
    const [first] = await this.claim(name, consumerId, 1, leaseMs, strategy);
    if (first !== void 0 || timeoutMs === 0) return first ?? null;
    return await waitForWake(
      {
        watch: (onWake) => this.#hub(name).watch([name], onWake),
        claim: async () => stopped() ? null : (await this.claim(name, consumerId, 1, leaseMs, strategy))[0] ?? null,
        stopped,
        onStop: (callback) => this.#onStop(callback, signal)
      },
      end
    );
  }
  async extendLock(id, consumerId, leaseMs, name, receipt) {
    this.guard();
    checkName(id, "id");
    checkName(consumerId, "consumerId");
    checkPositive2(leaseMs, "leaseMs");
    const queue = name ?? this.#claimedFrom.get(consumerId, id);
    if (queue !== void 0) {
      const item = receipt === void 0 ? { id } : { id, receipt };
      const [extended] = await this.extendMany(queue, consumerId, leaseMs, [item]);
      if (extended === true) return;
    }
    throw new LeaseLostError(
      `the lease of ${id} by ${consumerId} is not live: it ended, was given back, or never was; stop working on it`
    );
  }
  async extendMany(name, consumerId, leaseMs, items) {
    checkName(consumerId, "consumerId");
    checkPositive2(leaseMs, "leaseMs");
    const rows = items.map(({ id, receipt }) => [id, receiptText(receipt)]);
    return await this.#each(BROKER_SCRIPTS.extend, name, rows, [consumerId, leaseMs]);
  }
  async ack(name, id, receipt) {
    const [acked] = await this.ackMany(name, [receipt === void 0 ? { id } : { id, receipt }]);
    return acked === true;
  }
  async ackMany(name, items) {
    const rows = items.map(({ id, receipt }) => {
      checkName(id, "id");
      return [id, receiptText(receipt)];
    });
    return await this.#each(BROKER_SCRIPTS.ack, name, rows);
  }
  async nack(name, id, delayMs, receipt) {
    const item = {
      id,
      ...delayMs !== void 0 && { delayMs },
      ...receipt !== void 0 && { receipt }
    };
    const [given] = await this.nackMany(name, [item]);
    return given === true;
  }
  async nackMany(name, items) {
    const rows = items.map(({ id, delayMs = 0, receipt }) => {
      checkName(id, "id");
      checkDelay(delayMs);
      return [id, delayMs, receiptText(receipt)];
    });
    return await this.#each(BROKER_SCRIPTS.nack, name, rows);
  }
  async remove(name, id) {
    this.guard();
    checkName(id, "id");
    return await this.run(BROKER_SCRIPTS.remove, this.#keys(name), [id]) === 1;
  }
  async pause(name) {
    this.guard();
    await this.run(BROKER_SCRIPTS.pause, this.#keys(name), [1]);
  }
  async resume(name) {
    this.guard();
    await this.run(BROKER_SCRIPTS.pause, this.#keys(name), [0]);
  }
  async isPaused(name) {
    this.guard();
    return await this.run(BROKER_SCRIPTS.isPaused, this.#keys(name), []) === 1;
  }
  async has(name, ids) {
    for (const id of ids) checkName(id, "id");
    return await this.#each(
      BROKER_SCRIPTS.has,
      name,
      ids.map((id) => [id])
    );
  }
  async size(name) {
    this.guard();
    const [waiting = 0, delayed = 0, leased = 0] = await this.run(
      BROKER_SCRIPTS.size,
      this.#keys(name),
      []
    );
    return { waiting, delayed, leased };
  }
  async nextDueIn(name) {
    this.guard();
    const due = await this.run(BROKER_SCRIPTS.nextDue, this.#keys(name), []);
    return due === null ? null : Number(due);
  }
  async subscribe(names, onWake) {
    this.guard();
    for (const name of names) checkName(name, "name");
    const byHub = /* @__PURE__ */ new Map();
    for (const name of new Set(names))
      byHub.set(this.#hub(name), [...byHub.get(this.#hub(name)) ?? [], name]);
    const stops = [];
    try {
      for (const [hub, group] of byHub) stops.push(await hub.watch(group, onWake));
    } catch (error) {
      for (const stop of stops) stop();
      throw error;
    }
    return async () => {
      for (const stop of stops) stop();
    };
  }
  async incarnation() {
    this.guard();
    return await this.run(BROKER_SCRIPTS.incarnation, metaKey(this.backend.settings.prefix, "incarnation"), [
      crypto.randomUUID()
    ]);
  }
  async close() {
    if (this.closed) return;
    const hubs = [...this.#hubs.values()];
    for (const hub of hubs) hub.close();
    await super.close();
    for (const callback of [...this.#onClose]) callback();
  }
  #onStop(callback, signal) {
    this.#onClose.add(callback);
    signal?.addEventListener("abort", callback);
    return () => {
      this.#onClose.delete(callback);
      signal?.removeEventListener("abort", callback);
    };
  }
  /** One script call for up to `BATCH` rows; one answer a row. */
  async #each(script2, name, rows, first = []) {
    this.guard();
    const keys = this.#keys(name);
    const answers = [];
    for (const chunk of inChunks(rows, BATCH2)) {
      const digits = await this.run(script2, keys, [...first, ...chunk.flat()]);
      for (const digit of digits ?? "") answers.push(digit === "1");
    }
    return answers;
  }
  #keys(name) {
    checkName(name, "name");
    const { prefix } = this.backend.settings;
    const base = brokerBase(prefix, name);
    return [queueBase(prefix, name), wakeKey(base, name), hubsKey(base)];
  }
  #hub(name) {
    const { prefix } = this.backend.settings;
    const base = brokerBase(prefix, name);
    const hub = this.#hubs.get(base) ?? this.backend.openHub(base, {
      script: BROKER_SCRIPTS.listen,
      parts: (names) => names.map((each) => queueBase(prefix, each))
    });
    this.#hubs.set(base, hub);
    return hub;
  }
};
function receiptText(receipt) {
  if (receipt === void 0) return "";
  return receipt === "" ? "-" : receipt;
}
function checkStrategy(strategy) {
  if (STRATEGIES.includes(strategy)) return;
  throw new InvalidArgumentError(`strategy must be one of ${STRATEGIES.join(", ")}, not ${String(strategy)}`);
}
function checkPositive2(value, what) {
  if (Number.isSafeInteger(value) && value > 0) return;
  throw new InvalidArgumentError(`${what} must be a positive integer, not ${value}`);
}
function checkDelay(delayMs) {
  if (Number.isFinite(delayMs) && delayMs >= 0) return;
  throw new InvalidArgumentError(`delayMs must be 0 or more milliseconds, not ${delayMs}`);
}
function checkPriority(priority) {
  if (Number.isInteger(priority) && priority >= PRIORITY_MIN && priority <= PRIORITY_MAX) return;
  throw new InvalidArgumentError(
    `priority must be an integer from ${PRIORITY_MIN} to ${PRIORITY_MAX}, not ${priority}`
  );
}

// packages/redis/src/lua/lock/acquire.lua
var acquire_default = "-- Takes the lock for one owner, or renews it for the one who holds it. One of any number of racing owners gets it. The token only\n-- grows per key: the row stays for a day after the lease, and the clock carries the token on beyond that.\n-- The caller guards what the lock protects with the token; a lock that ended while its owner slept proves nothing.\n--\n-- KEYS[1]  the row: owner, token   KEYS[2]  the owner's lease, which ends by its own time to live\n-- ARGV     owner, ttl in ms, ms to keep the row after the lease, the lease's key without the owner\n-- Returns the token, or nothing while another owner's lease is live.\nlocal owner, ttl, keep = ARGV[1], ARGV[2], tonumber(ARGV[3])\nlocal row = redis.call('HMGET', KEYS[1], 'owner', 'token')\nlocal live = row[1] and redis.call('EXISTS', ARGV[4] .. row[1]) == 1\nif live and row[1] ~= owner then return false end\n\nlocal token = row[2]\nif not live then\n  token = whole(math.max(tonumber(row[2] or 0) + 1, micros()))\n  redis.call('HSET', KEYS[1], 'owner', owner, 'token', token)\nend\nredis.call('SET', KEYS[2], 1, 'PX', ttl)\nredis.call('PEXPIRE', KEYS[1], whole(math.min(ttl + keep, 8000000000000)))\nreturn token\n";

// packages/redis/src/lua/lock/renew.lua
var renew_default = "-- Sets the end of the owner's live lease, and how long the row stays; a lease that has ended stays ended, whether or not anybody took\n-- the lock since.\n--\n-- KEYS[1]  the row: owner, token   KEYS[2]  the owner's lease\n-- ARGV     ttl in ms, ms to keep the row after the lease\n-- Returns 1 when renewed, else 0.\nif redis.call('PEXPIRE', KEYS[2], ARGV[1]) == 0 then return 0 end\nredis.call('PEXPIRE', KEYS[1], whole(math.min(ARGV[1] + tonumber(ARGV[2]), 8000000000000)))\nreturn 1\n";

// packages/redis/src/lock.ts
var ACQUIRE = script("lock acquire", [clock_default, acquire_default], REPEATABLE);
var RENEW = script("lock renew", [clock_default, renew_default], REPEATABLE);
var KEEP_MS = 864e5;
var KEEP_ROW_EVERY_MS = 36e5;
var LONGEST_MS = 4e12;
var RedisLock = class extends RedisAdapter {
  traits = { clock: "server", durability: "server" };
  /** Lease key → when its row was last kept, on the monotonic clock. */
  #rowKept = /* @__PURE__ */ new Map();
  constructor(backend) {
    super(backend, "the Redis lock");
  }
  async acquire(key, ownerId, ttlMs) {
    return await this.acquireLease(key, ownerId, ttlMs) !== null;
  }
  async acquireLease(key, ownerId, ttlMs) {
    this.guard();
    const { row, lease } = this.#keys(key, ownerId);
    const ttl = checkedTtl(ttlMs);
    if (this.#isRowKept(lease)) {
      const token2 = await this.#renewedToken(row, lease, ttl);
      if (token2 !== null) return { token: token2 };
    }
    const args = [ownerId, ttl, KEEP_MS, lease.slice(0, -ownerId.length)];
    const token = await this.run(ACQUIRE, [row, lease], args);
    this.#noteKept(lease, token !== null);
    return token === null ? null : { token: Number(token) };
  }
  async renew(key, ownerId, ttlMs) {
    this.guard();
    const { row, lease } = this.#keys(key, ownerId);
    const ttl = checkedTtl(ttlMs);
    if (this.#isRowKept(lease)) return await this.backend.connection.read("pexpire", lease, ttl) === 1;
    const renewed = await this.run(RENEW, [row, lease], [ttl, KEEP_MS]) === 1;
    this.#noteKept(lease, renewed);
    return renewed;
  }
  async release(key, ownerId) {
    this.guard();
    await this.backend.connection.read("unlink", this.#keys(key, ownerId).lease);
  }
  async isOwner(key, ownerId) {
    this.guard();
    return await this.backend.connection.read("exists", this.#keys(key, ownerId).lease) === 1;
  }
  /** As the leader does at every renewal: two plain commands, sent together. Null when the lease had ended. */
  async #renewedToken(row, lease, ttl) {
    const { connection } = this.backend;
    const [renewed, token] = await Promise.all([
      connection.read("pexpire", lease, ttl),
      connection.read("hget", row, "token")
    ]);
    return renewed === 1 && typeof token === "string" ? Number(token) : null;
  }
  #isRowKept(lease) {
    const keptAt = this.#rowKept.get(lease);
    return keptAt !== void 0 && performance.now() - keptAt < KEEP_ROW_EVERY_MS;
  }
  #noteKept(lease, kept) {
    this.#rowKept.delete(lease);
    if (!kept) return;
    if (this.#rowKept.size >= 1e3) this.#rowKept.clear();
    this.#rowKept.set(lease, performance.now());
  }
  #keys(key, ownerId) {
    checkName(key, "key");
    checkName(ownerId, "ownerId");
    const { prefix } = this.backend.settings;
    return { row: lockKey(prefix, key), lease: lockLeaseKey(prefix, key, ownerId) };
  }
};
function checkedTtl(ttlMs) {
  if (Number.isSafeInteger(ttlMs) && ttlMs > 0) return Math.min(ttlMs, LONGEST_MS);
  throw new InvalidArgumentError(`ttlMs must be a positive integer of milliseconds, not ${ttlMs}`);
}

// packages/redis/src/filter.ts
var ABSENT = /* @__PURE__ */ Symbol("absent");
function compileFilter(filter) {
  const fields = Object.entries(filter ?? {}).map(([field, condition]) => ({
    field,
    test: conditionTest(field, condition)
  }));
  return (value) => fields.every(({ field, test }) => test(fieldOf(value, field)));
}
function sortRecords(records, orderBy) {
  if (orderBy === void 0) return records.sort((a2, b2) => compareBytes(a2.id, b2.id));
  const sign = orderBy.direction === "desc" ? -1 : 1;
  const keyed = records.map((record) => {
    const value = fieldOf(record.value, orderBy.field);
    return { record, value, rank: rankOf(value) };
  });
  keyed.sort((a2, b2) => {
    if (a2.rank === Rank.unordered || b2.rank === Rank.unordered) {
      if (a2.rank !== b2.rank) return a2.rank === Rank.unordered ? 1 : -1;
    } else {
      const order = a2.rank - b2.rank || compareSameRank(a2.value, b2.value);
      if (order !== 0) return sign * order;
    }
    return compareBytes(a2.record.id, b2.record.id);
  });
  return keyed.map(({ record }) => record);
}
function compareBytes(a2, b2) {
  return a2 === b2 ? 0 : Buffer.compare(Buffer.from(a2), Buffer.from(b2));
}
function fieldOf(value, field) {
  if (typeof value !== "object" || value === null || Array.isArray(value) || !Object.hasOwn(value, field))
    return ABSENT;
  return value[field];
}
function conditionTest(field, condition) {
  if (!hasOperators(condition)) return equalTo(condition);
  const tests = Object.entries(condition).map(([operator, operand]) => operatorTest(field, operator, operand));
  return (value) => tests.every((test) => test(value));
}
function operatorTest(field, operator, operand) {
  const test = equalTo(operand);
  switch (operator) {
    case "$eq":
      return test;
    case "$ne":
      return (value) => !test(value);
    case "$in": {
      if (!Array.isArray(operand)) throw new InvalidArgumentError(`filter.${field}.$in must be an array`);
      const tests = operand.map(equalTo);
      return (value) => tests.some((one) => one(value));
    }
    case "$lt":
      return rangeTest(operand, (order) => order < 0);
    case "$lte":
      return rangeTest(operand, (order) => order <= 0);
    case "$gt":
      return rangeTest(operand, (order) => order > 0);
    case "$gte":
      return rangeTest(operand, (order) => order >= 0);
    default:
      throw new InvalidArgumentError(
        `filter.${field}: "${operator}" is no operator; there are $eq, $ne, $in, $lt, $lte, $gt and $gte`
      );
  }
}
function equalTo(operand) {
  return (value) => value !== ABSENT && equalValues(value, operand);
}
function rangeTest(bound, holds) {
  const rank = rankOf(bound);
  if (rank === Rank.unordered) return () => false;
  return (value) => rankOf(value) === rank && holds(compareSameRank(value, bound));
}
function compareSameRank(a2, b2) {
  return typeof a2 === "string" ? compareBytes(a2, b2) : Number(a2) - Number(b2);
}
var Rank = { number: 0, instant: 1, text: 2, unordered: 3 };
function rankOf(value) {
  if (typeof value === "number") return Rank.number;
  if (value instanceof Date) return Rank.instant;
  return typeof value === "string" ? Rank.text : Rank.unordered;
}
function hasOperators(condition) {
  if (typeof condition !== "object" || condition === null) return false;
  if (Array.isArray(condition) || condition instanceof Date) return false;
  return Object.keys(condition).some((key) => key.startsWith("$"));
}

// packages/redis/src/lua/storage/compare-and-set.lua
var compare_and_set_default = "-- Stores each record whole if the stored revision is the expected one, or if there is none where none is expected. Each item is\n-- atomic by itself and sees the ones before it.\n--\n-- KEYS[1]  base of the namespace\n-- ARGV     id, expected revision (or empty: no record), `rev;value`, instant for prune (or empty); repeated\n-- Returns one digit an item: 1 stored, 0 refused.\nlocal answers = {}\nfor i = 1, #ARGV, 4 do\n  local id, expected, prune = ARGV[i], ARGV[i + 1], ARGV[i + 3]\n  local stored = redis.call('HGET', K_VALUES, id)\n  local revision = stored and string.sub(stored, 1, string.find(stored, ';', 1, true) - 1) or ''\n  if revision == expected then\n    redis.call('HSET', K_VALUES, id, ARGV[i + 2])\n    if not stored then redis.call('ZADD', K_IDS, 0, id) end\n    if prune ~= '' then\n      redis.call('ZADD', K_PRUNE, prune, id)\n    elseif stored then\n      redis.call('ZREM', K_PRUNE, id)\n    end\n    answers[#answers + 1] = '1'\n  else\n    answers[#answers + 1] = '0'\n  end\nend\nreturn table.concat(answers)\n";

// packages/redis/src/lua/storage/delete.lua
var delete_default = "-- KEYS[1]  base of the namespace\n-- ARGV     ids\n-- Returns how many existed.\nlocal deleted = redis.call('HDEL', K_VALUES, unpack(ARGV))\nredis.call('ZREM', K_IDS, unpack(ARGV))\nredis.call('ZREM', K_PRUNE, unpack(ARGV))\nreturn deleted\n";

// packages/redis/src/lua/storage/page.lua
var page_default = "-- A page in byte order of the ids, bounded by number and by bytes, so that neither the server nor the caller holds too much.\n--\n-- KEYS[1]  base of the namespace\n-- ARGV     id to go on after (or empty), most records, bytes after which the page ends\n-- Returns {1 when it ends here, else 0; then id, `rev;value`, repeated}.\nlocal after = ARGV[1] == '' and '-' or '(' .. ARGV[1]\nlocal limit, most = tonumber(ARGV[2]), tonumber(ARGV[3])\nlocal ids = redis.call('ZRANGEBYLEX', K_IDS, after, '+', 'LIMIT', 0, limit)\nlocal page, bytes, taken = { #ids < limit and 1 or 0 }, 0, 0\nwhile taken < #ids and bytes < most do\n  local stop = math.min(taken + 32, #ids)\n  local values = redis.call('HMGET', K_VALUES, unpack(ids, taken + 1, stop))\n  for i = 1, #values do\n    page[#page + 1] = ids[taken + i]\n    page[#page + 1] = values[i]\n    bytes = bytes + #values[i]\n  end\n  taken = stop\nend\nif taken < #ids then page[1] = 0 end\nreturn page\n";

// packages/redis/src/lua/storage/prune.lua
var prune_default = "-- Deletes one bounded batch of records whose instant is before the given one. What a concurrent save has renewed is not among them:\n-- the instant is looked at here, where it is written.\n--\n-- KEYS[1]  base of the namespace\n-- ARGV     instant (epoch ms), most to delete\n-- Returns how many were deleted; less than asked for means none are left.\nlocal ids = redis.call('ZRANGEBYSCORE', K_PRUNE, '-inf', '(' .. ARGV[1], 'LIMIT', 0, ARGV[2])\nif #ids == 0 then return 0 end\nredis.call('HDEL', K_VALUES, unpack(ids))\nredis.call('ZREM', K_IDS, unpack(ids))\nredis.call('ZREM', K_PRUNE, unpack(ids))\nreturn #ids\n";

// packages/redis/src/lua/storage/save.lua
var save_default = "-- Replaces whole records; the last writer wins. All of the call or, out of memory, none.\n--\n-- KEYS[1]  base of the namespace\n-- ARGV     id, `rev;value`, instant for prune (or empty); repeated\nlocal values, ids, dated, undated = {}, {}, {}, {}\nfor i = 1, #ARGV, 3 do\n  local id, prune = ARGV[i], ARGV[i + 2]\n  values[#values + 1] = id\n  values[#values + 1] = ARGV[i + 1]\n  ids[#ids + 1] = 0\n  ids[#ids + 1] = id\n  if prune == '' then\n    undated[#undated + 1] = id\n  else\n    dated[#dated + 1] = prune\n    dated[#dated + 1] = id\n  end\nend\nredis.call('HSET', K_VALUES, unpack(values))\nredis.call('ZADD', K_IDS, unpack(ids))\n-- one after the other, so that the last of two writes of one id counts here too\nif #undated > 0 then redis.call('ZREM', K_PRUNE, unpack(undated)) end\nif #dated > 0 then redis.call('ZADD', K_PRUNE, unpack(dated)) end\n";

// packages/redis/src/storage.ts
var SAVE = storageScript("save", save_default);
var COMPARE_AND_SET = storageScript("compareAndSet", compare_and_set_default);
var DELETE = storageScript("delete", delete_default);
var PRUNE = storageScript("prune", prune_default);
var PAGE3 = storageScript("page", page_default, REPEATABLE);
var BATCH3 = 500;
var PAGE_BYTES = 4 * 1024 * 1024;
var RedisStorage = class extends RedisAdapter {
  traits;
  constructor(backend) {
    super(backend, "the Redis storage");
    this.traits = { clock: "server", durability: "server", maxValueBytes: backend.settings.maxValueBytes };
  }
  async save(namespace, id, value) {
    await this.saveMany(namespace, [{ id, value }]);
  }
  async saveMany(namespace, records) {
    checkName(namespace, "namespace");
    const rows = records.map(({ id, value }) => [checkedId(id), ...this.#encode(value)]);
    for (const chunk of inChunks(rows, BATCH3)) await this.run(SAVE, this.#base(namespace), chunk.flat());
    if (rows.length === 0) this.guard();
  }
  async get(namespace, id) {
    const [value] = await this.getMany(namespace, [id]);
    return value ?? null;
  }
  async getMany(namespace, ids) {
    this.guard();
    checkName(namespace, "namespace");
    for (const id of ids) checkedId(id);
    const key = this.#base(namespace) + STORAGE_KEYS.VALUES;
    const values = [];
    for (const chunk of inChunks(ids, BATCH3)) {
      this.guard();
      const texts = await this.backend.connection.read("hmget", key, ...chunk);
      for (const text of texts) values.push(text === null ? null : decode(text));
    }
    return values;
  }
  async delete(namespace, id) {
    await this.deleteMany(namespace, [id]);
  }
  async deleteMany(namespace, ids) {
    this.guard();
    checkName(namespace, "namespace");
    for (const id of ids) checkedId(id);
    let deleted = 0;
    for (const chunk of inChunks(ids, BATCH3)) {
      deleted += await this.run(DELETE, this.#base(namespace), chunk);
    }
    return deleted;
  }
  async compareAndSet(namespace, id, expectedRev, value) {
    const [stored] = await this.compareAndSetMany(namespace, [{ id, expectedRev, value }]);
    return stored === true;
  }
  async compareAndSetMany(namespace, items) {
    this.guard();
    checkName(namespace, "namespace");
    const rows = items.map(({ id, expectedRev, value }) => [
      checkedId(id),
      expectedRev === null ? "" : revText(expectedRev),
      ...this.#encode(value)
    ]);
    const answers = [];
    for (const chunk of inChunks(rows, BATCH3)) {
      const digits = await this.run(COMPARE_AND_SET, this.#base(namespace), chunk.flat());
      for (const digit of digits) answers.push(digit === "1");
    }
    return answers;
  }
  async list(namespace, filter, options = {}) {
    this.guard();
    const { limit = Number.POSITIVE_INFINITY, offset = 0, orderBy } = options;
    checkCount2(options.limit, "limit");
    checkCount2(options.offset, "offset");
    const needed = orderBy === void 0 ? offset + limit : Number.POSITIVE_INFINITY;
    const found = [];
    if (limit > 0) {
      for await (const record of this.#matching(namespace, filter, needed)) found.push(record);
    } else this.#checkQuery(namespace, filter);
    return sortRecords(found, orderBy).slice(offset, offset + limit).map((record) => record.value);
  }
  async count(namespace, filter) {
    this.guard();
    this.#checkQuery(namespace, filter);
    if (filter === void 0 || Object.keys(filter).length === 0) {
      const key = this.#base(namespace) + STORAGE_KEYS.VALUES;
      return await this.backend.connection.read("hlen", key);
    }
    let count2 = 0;
    for await (const _ of this.#matching(namespace, filter, Number.POSITIVE_INFINITY)) count2++;
    return count2;
  }
  async page(namespace, filter, options) {
    this.guard();
    checkCount2(options.limit, "limit");
    this.#checkQuery(namespace, filter);
    const page = [];
    if (options.limit === 0) return page;
    for await (const { id, value } of this.#matching(namespace, filter, options.limit, options.after))
      page.push({ id, value });
    return page;
  }
  async prune(namespace, beforeMs) {
    this.guard();
    checkName(namespace, "namespace");
    if (!Number.isFinite(beforeMs))
      throw new InvalidArgumentError(`beforeMs must be epoch milliseconds, not ${beforeMs}`);
    for (let pruned = 0; ; ) {
      const deleted = await this.run(PRUNE, this.#base(namespace), [beforeMs, BATCH3]);
      pruned += deleted;
      if (deleted < BATCH3) return pruned;
    }
  }
  async now() {
    this.guard();
    const [seconds, micros] = await this.backend.connection.read("time");
    return Number(seconds) * 1e3 + Number(micros) / 1e3;
  }
  async index(namespace, _fields) {
    this.guard();
    checkName(namespace, "namespace");
  }
  /** In id order, at most `needed`, as they stood when their page was read. */
  async *#matching(namespace, filter, needed, from = "") {
    this.#checkQuery(namespace, filter);
    const matches2 = compileFilter(filter);
    const unfiltered = filter === void 0 || Object.keys(filter).length === 0;
    for (let after = from, left = needed; left > 0; ) {
      const limit = unfiltered ? Math.min(BATCH3, left) : BATCH3;
      const page = await this.run(PAGE3, this.#base(namespace), [after, limit, PAGE_BYTES]);
      for (let i = 1; i < page.length && left > 0; i += 2) {
        const id = page[i];
        const value = decode(page[i + 1]);
        after = id;
        if (!matches2(value)) continue;
        left--;
        yield { id, value };
      }
      if (page[0] === 1) return;
    }
  }
  #checkQuery(namespace, filter) {
    checkName(namespace, "namespace");
    compileFilter(filter);
  }
  #base(namespace) {
    return storageBase(this.backend.settings.prefix, namespace);
  }
  #encode(value) {
    const text = encodeValue(value, { maxBytes: this.backend.settings.maxValueBytes });
    const rev = fieldOf(value, "rev");
    return [`${typeof rev === "number" ? revText(rev) : "0"};${text}`, pruneInstant(value)];
  }
};
function storageScript(name, text, options = {}) {
  return script(`storage ${name}`, [keysInLua(text, STORAGE_KEYS), text], options);
}
function checkedId(id) {
  checkName(id, "id");
  return id;
}
function decode(stored) {
  return decodeValue(stored.slice(stored.indexOf(";") + 1));
}
function revText(rev) {
  return String(rev === 0 ? 0 : rev);
}
function pruneInstant(value) {
  const finishedAt = fieldOf(value, "finishedAt");
  const instant = typeof finishedAt === "symbol" || finishedAt === void 0 ? fieldOf(value, "createdAt") : finishedAt;
  if (instant instanceof Date) return String(instant.getTime());
  return typeof instant === "number" ? String(instant) : "";
}
function checkCount2(count2, what) {
  if (count2 === void 0 || Number.isSafeInteger(count2) && count2 >= 0) return;
  throw new InvalidArgumentError(`${what} must be a non-negative integer, not ${count2}`);
}

// packages/redis/src/index.ts
function redis(source, options = {}) {
  const backend = new Backend(source, options);
  const storage = withBackend(new RedisStorage(backend), backend);
  const broker = withBackend(new RedisBroker(backend), backend);
  const lock = new RedisLock(backend);
  const close = async () => {
    await Promise.all([storage.close(), broker.close(), lock.close()]);
  };
  return { storage, broker, lock, close };
}

// packages/redis/src/zz-composed-bench.ts
var srv = () => {
  const o = execSync("redis-cli -p 7391 info cpu").toString();
  return Number(/used_cpu_user:([\d.]+)/.exec(o)[1]) + Number(/used_cpu_sys:([\d.]+)/.exec(o)[1]);
};
var a = redis("redis://127.0.0.1:7391", { prefix: "bench" + process.pid });
var b = redis("redis://127.0.0.1:7391", { prefix: "bench" + process.pid });
for (const mode of ["composed", "fused"]) {
  const adapters = mode === "composed" ? { storage: a.storage, broker: b.broker, lock: a.lock } : a;
  const { store, ready, description } = openJobStore({
    logger: { debug: console.log, info: console.log, warn: console.log, error: console.log },
    adapters,
    scope: mode,
    fuse: mode === "fused"
  });
  await ready();
  console.log(description.store, description.tier);
  await store.heartbeat({ id: "w", leaseMs: 6e4, phase: "join" }, []);
  const N = Number(process.argv[2] ?? 2e4), B = 100;
  let t = performance.now();
  for (let i = 0; i < N; i += B)
    await store.insert(
      Array.from({ length: B }, (_, k) => ({
        id: `j${i + k}`,
        type: "t",
        payload: { n: i, text: "x".repeat(80) },
        priority: 0
      }))
    );
  console.log("insert/s", Math.round(N / (performance.now() - t) * 1e3));
  t = performance.now();
  const c0 = process.cpuUsage();
  const s0 = srv();
  const want = { worker: "w", limit: B, types: [{ type: "t" }] };
  let { jobs, nextDueInMs } = await store.settle([], want);
  if (!jobs.length) {
    console.log("EMPTY FIRST", nextDueInMs, (await store.counts()).types, await store.workers());
    jobs = (await store.settle([], want)).jobs;
  }
  let done = 0;
  while (jobs.length) {
    const r = await store.settle(
      jobs.map(({ id, token }) => ({ id, token, kind: "complete" })),
      want
    );
    done += jobs.length;
    jobs = r.jobs;
    if (!jobs.length) console.log("empty", r.nextDueInMs, done);
  }
  const c1 = process.cpuUsage(c0);
  console.log("cpu us/job: client", ((c1.user + c1.system) / N).toFixed(1), "server", ((srv() - s0) * 1e6 / N).toFixed(1));
  console.log("processed", done, "per s", Math.round(N / (performance.now() - t) * 1e3));
  t = performance.now();
  await store.sweep({});
  console.log("sweep ms", Math.round(performance.now() - t));
  await store.close();
}
await a.close();
await b.close();
