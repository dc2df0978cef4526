/** Signals from a change stream, which tells of what a majority of the members has. The driver resumes it where it stopped. */
import { type ChangeStream, type Document, ReadConcern } from 'mongodb'
import { rangeOf } from './collections.ts'
import type { MongoConnection } from './connection.ts'
import { awaitMsOf, type Signal, type SignalSource } from './listening-feed.ts'

interface Change extends Document {
  readonly documentKey?: { readonly _id?: unknown }
  readonly n?: unknown
}

/** An open stream makes the server look at every write of the database: for who finds work by itself, that is work for nothing. */
export class ChangeSource implements SignalSource {
  readonly name = 'change stream'
  /** The driver does not tell. */
  readonly isAtHand = true
  readonly #connection: MongoConnection
  #stream: ChangeStream<Document, Document> | undefined
  /** The look that was begun with the stream. */
  #first: Promise<Document | null> | undefined

  constructor(connection: MongoConnection) {
    this.#connection = connection
  }

  async open(): Promise<void> {
    this.drop()
    const [from, below] = rangeOf(this.#connection.settings.prefix)
    const stream = this.#connection.collection('signals').watch<Document, Document>(
      [
        {
          $match: {
            $or: [
              {
                operationType: { $in: ['insert', 'update', 'replace'] },
                'documentKey._id': { $gte: from, $lt: below },
              },
              { operationType: 'invalidate' },
            ],
          },
        },
        {
          $project: {
            operationType: 1,
            'documentKey._id': 1,
            n: { $ifNull: ['$updateDescription.updatedFields.n', '$fullDocument.n'] },
          },
        },
      ],
      { maxAwaitTimeMS: awaitMsOf(this.#connection), readConcern: new ReadConcern('majority') },
    )
    this.#stream = stream
    // the first look sends the query and then waits for a change; the token comes with the answer to the query
    const listening = new Promise<void>((resolve) => {
      stream.once('resumeTokenChanged', () => resolve())
    })
    this.#first = stream.tryNext()
    await Promise.race([listening, this.#first])
  }

  async next(): Promise<Signal | null> {
    const stream = this.#stream as ChangeStream<Document, Document>
    const first = this.#first
    this.#first = undefined
    const change: Change | null = await (first ?? stream.tryNext())
    if (change?.operationType === 'invalidate')
      throw new Error('the collection of the change stream was dropped')
    const id = change?.documentKey?._id
    if (typeof id !== 'string') return null
    return { id, n: typeof change?.n === 'string' ? change.n : '' }
  }

  drop(): void {
    this.#first?.catch(() => undefined)
    this.#first = undefined
    this.#stream?.close().catch(() => undefined)
    this.#stream = undefined
  }
}
