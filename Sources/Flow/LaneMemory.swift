internal import Kernel
internal import Records
internal import Workflows

/// What a lane's owner still knows of its runs from the batches before, so that an event costs the writing of a run and not its
/// reading and parsing.
///
/// The database stays the only truth. A memory belongs to one epoch of one lane, whose fence lets nobody else write its rows;
/// a batch takes it out and puts it back after its commit, so that one which fails, or whose commit is in doubt, leaves none.
/// And because people do mend rows by hand, every run is asked about before it is used: it is as remembered when the transaction
/// that wrote it last is the one that this memory names (`xmin`).
struct LaneMemory: Sendable {
    /// Runs of one lane; those that were used longest ago are forgotten. A run takes some 40 KB.
    static let runsMax = 256

    /// A class, since each batch copies the memory that it takes out, and only the few runs that it is about are looked at.
    final class Remembered: Sendable {
        let run: RunRow
        /// The run's state, read.
        let machine: RunState
        /// The unfinished ones.
        let tasks: [TaskRow]
        let clocks: [ClockRow]
        /// The transaction that wrote the run's row, as PostgreSQL prints it.
        let writer: String

        init(run: RunRow, machine: RunState, tasks: [TaskRow], clocks: [ClockRow], writer: String) {
            self.run = run
            self.machine = machine
            self.tasks = tasks
            self.clocks = clocks
            self.writer = writer
        }
    }

    private(set) var runs: [RunID: Remembered] = [:]
    /// In which turn each run was kept last.
    private var usedAt: [RunID: Int] = [:]
    private var runOfTask: [TaskID: RunID] = [:]
    private var turn = 0

    func run(of task: TaskID) -> RunID? { runOfTask[task] }

    mutating func forget(_ id: RunID) {
        guard let old = runs.removeValue(forKey: id) else { return }
        usedAt[id] = nil
        for task in old.tasks { runOfTask[task.id] = nil }
    }

    mutating func keep(_ remembered: Remembered) {
        let id = remembered.run.id
        forget(id)
        turn += 1
        runs[id] = remembered
        usedAt[id] = turn
        for task in remembered.tasks { runOfTask[task.id] = id }
        if runs.count > LaneMemory.runsMax + LaneMemory.runsMax / 4 { shrink() }
    }

    /// A quarter at once, so that a full memory does not sort at every run.
    private mutating func shrink() {
        let oldest = usedAt.sorted { $0.value < $1.value }.prefix(usedAt.count - LaneMemory.runsMax)
        for (id, _) in oldest { forget(id) }
    }
}

/// The memories of the lanes that this process owns.
final class LaneMemories: Sendable {
    private struct Owned {
        let epoch: Int64
        let memory: LaneMemory
    }

    private let lanes = Locked<[Int32: Owned]>([:])

    /// What is known of the lane in this epoch; gone from here until it is kept again.
    func take(lane: Int32, epoch: Int64) -> LaneMemory {
        guard let owned = lanes.withLock({ $0.removeValue(forKey: lane) }), owned.epoch == epoch else { return LaneMemory() }
        return owned.memory
    }

    func keep(_ memory: LaneMemory, lane: Int32, epoch: Int64) {
        lanes.withLock { $0[lane] = Owned(epoch: epoch, memory: memory) }
    }

    /// A lane that was lost is another owner's business.
    func forget(lane: Int32, epoch: Int64) {
        lanes.withLock { if $0[lane]?.epoch == epoch { $0[lane] = nil } }
    }
}
