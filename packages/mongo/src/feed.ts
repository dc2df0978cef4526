/** Where wakes come from: the documents whose changes are heard of. */
/** A key, and who changed it last. In a user's transaction the id goes on, so that transactions never wait for each other. */
export interface SignalDocument {
  readonly _id: string
  /** Changes with every signal; begins with the sender's id. */
  readonly n: string
  /** When it may be deleted: of those from a transaction, and of a process that listens. */
  readonly x?: Date
}

/** Where changes of the signal documents come from. */
export interface Feed {
  /** Resolves once listening. */
  start(): Promise<void>
  /** The watched keys have changed, or something goes on. */
  stir(): void
  /** Nobody needs to hear of anything until it is stirred. */
  rest(): void
  close(): void
}

export interface FeedEvents {
  /** `key` was signalled by `sender`. */
  readonly onSignal: (id: string, n: string) => void
  /** Anything may have been missed. */
  readonly onGap: () => void
}

/** Between a key and what makes a transaction's document of its own. NUL is in no name. */
export const PART = '\0'
