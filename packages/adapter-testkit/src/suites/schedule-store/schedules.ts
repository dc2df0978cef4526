import { type ScheduleRecord, type ScheduleStore, updateSchedule } from '@sched/core/adapter'
import { type Case, suite } from '../../case.ts'

const BASE = 1_700_000_000_000

function schedule(name: string, more: Partial<ScheduleRecord> = {}): ScheduleRecord {
  return {
    name,
    type: 'report',
    payload: { of: name, at: new Date(BASE) },
    scheduleType: 'cron',
    scheduleValue: '0 0 * * *',
    timeZone: 'Europe/Paris',
    state: 'active',
    next: BASE + 60_000,
    passed: null,
    version: '1',
    anchor: BASE,
    createdAt: BASE,
    updatedAt: BASE,
    options: { priority: 3 },
    rev: 0,
    ...more,
  }
}

/** What a caller wrote, without the `rev` that the store counts. */
function written(record: ScheduleRecord | null): Omit<ScheduleRecord, 'rev'> | null {
  if (record === null) return null
  const { rev: _, ...rest } = record
  return rest
}

async function names(store: ScheduleStore): Promise<string[] | null> {
  const list = await store.list()
  return list === null ? null : list.map((one) => one.name).sort()
}

export const scheduleCases: readonly Case[] = suite('schedule-store', ['scheduleStore'], {
  'never-written': {
    rule: 'Before anything was written, list gives null: not an empty list.',
    why: 'Null means: load the schedules of the configuration. An empty list means: somebody deleted them all, leave it so.',
    mistake: 'list gives [] whenever it finds nothing',
    async run({ scheduleStore, check, open }) {
      check.ok(
        (await scheduleStore.list()) === null,
        'list before anything was written is null',
        await scheduleStore.list(),
      )
      check.ok((await scheduleStore.get('a')) === null, 'get before anything was written is null')
      await scheduleStore.delete('a')
      check.ok(
        (await scheduleStore.list()) === null,
        'list after deleting what never was is null',
        await scheduleStore.list(),
      )
      await scheduleStore.add(schedule('a'))
      const other = await open()
      check.equal(await names(other.scheduleStore), ['a'], 'the names another node lists after add')
    },
  },
  'written-empty': {
    rule: 'After the last schedule was deleted, list gives an empty list, not null.',
    why: 'Otherwise a restart brings back every schedule that somebody deleted.',
    mistake: 'whether something was ever written is told by whether something is there',
    async run({ scheduleStore, check, open }) {
      await scheduleStore.add(schedule('a'))
      await scheduleStore.add(schedule('b'))
      await scheduleStore.delete('a')
      check.equal(await names(scheduleStore), ['b'], 'the names after one of two was deleted')
      await scheduleStore.delete('b')
      check.equal(await names(scheduleStore), [], 'the names after the last was deleted')
      const other = await open()
      check.equal(await names(other.scheduleStore), [], 'the same on another node')
    },
  },
  purged: {
    rule: 'purge leaves nothing: list is null again, and every last execution is unknown.',
    why: 'It is how an operator goes back to what the configuration says.',
    mistake: 'purge deletes the schedules but not the marker, or keeps the last executions',
    async run({ scheduleStore, check }) {
      await scheduleStore.add(schedule('a'))
      await scheduleStore.setLastExecution('a', BASE)
      await scheduleStore.purge()
      check.ok((await scheduleStore.list()) === null, 'list after purge is null', await scheduleStore.list())
      check.equal(await scheduleStore.get('a'), null, 'get after purge')
      check.equal(await scheduleStore.lastExecution('a'), null, 'lastExecution after purge')
      await scheduleStore.purge()
      await scheduleStore.add(schedule('b'))
      check.equal(await names(scheduleStore), ['b'], 'the names after purging twice and adding b')
    },
  },
  roundtrip: {
    rule: 'add stores the whole schedule, or replaces the one of that name; get and list give it back as a copy.',
    why: 'A field lost on the way changes when, or with what payload, a schedule fires.',
    mistake: 'add merges, refuses a known name, or keeps its argument by reference',
    async run({ scheduleStore, check }) {
      const original = schedule('a', { options: { deep: { list: [1, 2] } } })
      await scheduleStore.add(original)
      const read = await scheduleStore.get('a')
      check.equal(written(read), written(original), 'get after add')
      check.equal((await scheduleStore.list())?.map(written), [written(original)], 'list after add')
      if (read !== null) (read.options as { deep: { list: number[] } }).deep.list.push(3)
      check.equal(
        written(await scheduleStore.get('a')),
        written(original),
        'get after the caller changed what it was given',
      )
      const replaced = schedule('a', {
        scheduleType: 'interval',
        scheduleValue: 5_000,
        payload: null,
        options: {},
      })
      await scheduleStore.add(replaced)
      check.equal(written(await scheduleStore.get('a')), written(replaced), 'get after a second add')
      check.equal(await names(scheduleStore), ['a'], 'the names after a second add')
      check.equal(await scheduleStore.get('A'), null, 'get of the name in capitals')
    },
  },
  'update-fallback': {
    rule: 'update replaces an existing schedule; where it is missing, delete and add do the same, and the last execution is kept.',
    why: 'A changed schedule that forgets when it last ran fires again at once.',
    mistake: 'delete takes the last execution along, and nothing puts it back',
    async run({ scheduleStore, check }) {
      const withoutUpdate: ScheduleStore = new Proxy(scheduleStore, {
        get: (store, key) => (key === 'update' ? undefined : Reflect.get(store, key)),
      })
      for (const [way, store] of [
        ['delete and add', withoutUpdate],
        ['update', scheduleStore],
      ] as const) {
        await scheduleStore.add(schedule(way))
        await scheduleStore.add(schedule('other'))
        await scheduleStore.setLastExecution(way, BASE)
        const changed = schedule(way, { scheduleValue: '5 5 * * *', version: '2', next: BASE + 90_000 })
        await updateSchedule(store, changed)
        check.equal(written(await scheduleStore.get(way)), written(changed), `get after an update by ${way}`)
        check.equal(await scheduleStore.lastExecution(way), BASE, `lastExecution after an update by ${way}`)
        check.equal(written(await scheduleStore.get('other')), written(schedule('other')), 'another schedule')
      }
    },
  },
  state: {
    rule: 'setState switches a schedule between active and inactive and leaves the rest; an unknown name rejects SCHEDULE_NOT_FOUND.',
    why: 'A switched-off schedule that fires, or one that loses its payload when it is switched on again.',
    mistake: 'the state is kept in the process, or an unknown name is created',
    async run({ scheduleStore, check, open }) {
      await scheduleStore.add(schedule('a'))
      await scheduleStore.add(schedule('b'))
      const other = await open()
      await scheduleStore.setState('a', 'inactive')
      const off = await other.scheduleStore.get('a')
      check.equal(
        [off?.state, off?.payload, off?.scheduleValue, off?.version],
        ['inactive', schedule('a').payload, '0 0 * * *', '1'],
        'state, payload, value and version after setState inactive',
      )
      check.equal((await other.scheduleStore.get('b'))?.state, 'active', 'the state of another schedule')
      await other.scheduleStore.setState('a', 'active')
      check.equal((await scheduleStore.get('a'))?.state, 'active', 'the state after setState active')
      await check.rejects(
        scheduleStore.setState('nobody', 'active'),
        'SCHEDULE_NOT_FOUND',
        'setState of an unknown name',
      )
      check.equal(await names(scheduleStore), ['a', 'b'], 'the names after that')
    },
  },
  'last-execution-unknown': {
    rule: 'The last execution of a schedule that never ran, or that never was, is null.',
    why: 'Null means: run at the next applicable time. 0 would mean that every instant since 1970 was missed.',
    mistake:
      'an unknown instant is given as 0 or undefined, or that of a deleted schedule of the same name lives on',
    async run({ scheduleStore, check }) {
      check.ok(
        (await scheduleStore.lastExecution('a')) === null,
        'lastExecution of a schedule that never was is null',
        await scheduleStore.lastExecution('a'),
      )
      await scheduleStore.add(schedule('a'))
      check.ok(
        (await scheduleStore.lastExecution('a')) === null,
        'lastExecution of a schedule that never ran is null',
        await scheduleStore.lastExecution('a'),
      )
      await scheduleStore.setLastExecution('a', BASE)
      check.equal(await scheduleStore.lastExecution('b'), null, 'lastExecution of another name')
      await scheduleStore.delete('a')
      await scheduleStore.add(schedule('a'))
      check.equal(
        await scheduleStore.lastExecution('a'),
        null,
        'lastExecution of a schedule deleted and added anew',
      )
    },
  },
  'last-execution-grows': {
    rule: 'The last execution only grows: an earlier instant changes nothing, also among several nodes at once.',
    why: 'A late worker that sets it back makes a due instant run a second time.',
    mistake: 'the last writer wins',
    async run({ scheduleStore, check, open, random, has }) {
      await scheduleStore.add(schedule('a'))
      await scheduleStore.setLastExecution('a', BASE)
      await scheduleStore.setLastExecution('a', BASE - 1)
      check.equal(await scheduleStore.lastExecution('a'), BASE, 'lastExecution after an earlier instant')
      await scheduleStore.setLastExecution('a', BASE + 1)
      check.equal(await scheduleStore.lastExecution('a'), BASE + 1, 'lastExecution after a later instant')
      // without it the schedule store reads, then writes: one leader at a time is then all there is
      if (!has('storage.compareAndSet')) return
      const nodes = [scheduleStore, (await open()).scheduleStore, (await open()).scheduleStore]
      const instants = random.shuffle(Array.from({ length: 30 }, (_, n) => BASE + 10 + n))
      await Promise.all(instants.map((due, n) => nodes[n % nodes.length]?.setLastExecution('a', due)))
      check.equal(
        await scheduleStore.lastExecution('a'),
        BASE + 39,
        'lastExecution after 30 instants from three nodes at once',
      )
    },
  },
  'delete-missing': {
    rule: 'Deleting an unknown name is no error; deleting one schedule leaves the others.',
    why: 'Two nodes delete at once, and the second must not fail.',
    mistake: 'delete throws when nothing was deleted, or deletes by prefix',
    async run({ scheduleStore, check }) {
      await scheduleStore.add(schedule('a'))
      await scheduleStore.add(schedule('ab'))
      await check.resolves(scheduleStore.delete('nobody'), 'delete of an unknown name')
      await scheduleStore.delete('a')
      await check.resolves(scheduleStore.delete('a'), 'delete of a name deleted before')
      check.equal(await names(scheduleStore), ['ab'], 'the names left')
    },
  },
  'compare-and-set': {
    rule: 'compareAndSet stores iff the stored rev is the expected one (null: iff there is none), and every write moves the rev on.',
    why: 'Two workers that move a schedule on at the same instant would otherwise both fire it.',
    mistake: 'the rev is compared first and written in a second step, or a write leaves it as it was',
    needs: ['storage.compareAndSet'],
    async run({ scheduleStore, check, open }) {
      check.equal(
        await scheduleStore.compareAndSet('a', 5, schedule('a')),
        false,
        'compareAndSet with a rev where there is no schedule',
      )
      check.equal(
        await scheduleStore.compareAndSet('a', null, schedule('a')),
        true,
        'compareAndSet with null where there is none',
      )
      check.equal(
        await scheduleStore.compareAndSet('a', null, schedule('a', { next: 1 })),
        false,
        'compareAndSet with null where there is one',
      )
      const first = (await scheduleStore.get('a'))?.rev ?? -1
      check.ok(Number.isInteger(first), 'the rev is an integer', first)
      const nodes = [
        scheduleStore,
        (await open()).scheduleStore,
        (await open()).scheduleStore,
        (await open()).scheduleStore,
      ]
      const wins = await Promise.all(
        nodes.map((store, n) =>
          store.compareAndSet('a', first, schedule('a', { next: BASE + n, rev: first + 1 })),
        ),
      )
      check.equal(wins.filter(Boolean).length, 1, 'how many of four compareAndSet with the same rev stored')
      check.equal(
        (await scheduleStore.get('a'))?.next,
        BASE + wins.indexOf(true),
        'next is that of the one that stored',
      )
      check.equal(
        await scheduleStore.compareAndSet('a', first, schedule('a')),
        false,
        'compareAndSet with the rev of before',
      )
      check.equal((await scheduleStore.get('a'))?.rev, first + 1, 'the rev after one write')
      await scheduleStore.setState('a', 'inactive')
      check.equal(
        await scheduleStore.compareAndSet('a', first + 1, schedule('a')),
        false,
        'compareAndSet with the rev of before setState',
      )
    },
  },
})
