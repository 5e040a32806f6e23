internal import Kernel
internal import Records
internal import Workflows

/// Going over to another version, and giving up what died.
extension LaneBatch {
    private static let nothing = Refusal(.notFound, reason: "not-found", "There is nothing here by that name.")

    /// The run goes over to other pins: its state, its versions and what is told of it, in this one transaction.
    mutating func migrateRun(_ command: CommandRow) throws(Refusal) -> JSONValue {
        guard let id = command.run, let run = runs[id], run.tenant == command.tenant,
            let person = command.payload["by"]?.string.flatMap({ PersonID($0) })
        else { throw LaneBatch.nothing }
        try requireSecond("migrate", command)
        // A state that does not read holds the run, whatever the cause: nobody can say where it stands.
        guard let context = contexts[run.pinnedText], let state = states[id] ?? (try? RunState(json: run.state)) else {
            throw Refusal(
                .unavailable, reason: "run.held", "This run is held, because what it is pinned to cannot be read.",
                facts: ["run": id.text])
        }
        guard let target = targets[command.id] else {
            throw Refusal(
                .unprocessable, reason: "migration.target", "The versions that the run should go over to cannot be read.",
                facts: ["run": id.text])
        }
        guard target.pinned != context.pinned.unmarked else {
            throw Refusal(
                .conflict, reason: "migration.same",
                "The run goes by version \(target.environment.definition.version) already.")
        }
        let migration = try RunMigration(
            from: context.environment.definition, to: target.environment.definition,
            mapping: LaneBatch.mapping(command.payload["mapping"]))
        var machine = RunMachine(state)
        let actions = try machine.migrate(
            by: migration, person: person, reason: command.payload["reason"]?.string ?? "", at: now, in: target.environment)
        events += 1
        var after = run
        after.touched = after.touched ?? "migrated"
        after.put(pinned: target.pinned.json, version: target.environment.definition.version)
        after.put(state: machine.state.json)
        after.phase = LaneBatch.phase(of: machine.state)
        after.updatedAt = now
        runs[id] = after
        states[id] = machine.state
        contexts[after.pinnedText] = target
        leaveShadow(id, context.pinned.rollout)
        changedRuns.insert(id)
        repinned.insert(id)
        resubscribe(
            id, from: (state, context.environment.definition), to: (machine.state, target.environment.definition))
        for action in actions { carryOut(action, run: id, context: target, by: person) }
        tell(run.tenant, "run.changed", run: id, ["phase": .string(after.phase), "step": .string(after.step)])
        return ["run": JSONValue(id), "status": .string(after.phase), "version": .string(after.workflowVersion)]
    }

    static func mapping(_ json: JSONValue?) -> [String: String] {
        var out: [String: String] = [:]
        for member in json?.object ?? [:] { out[member.key] = member.value.string }
        return out
    }

    /// A dead letter is given up for good. Its run hears of it while it still waits; otherwise only the letter is put away.
    mutating func discardTask(_ command: CommandRow) throws(Refusal) -> JSONValue {
        guard let id = command.task, let task = tasks[id], task.tenant == command.tenant, task.taskClass == "worker",
            let person = command.payload["by"]?.string.flatMap({ PersonID($0) })
        else { throw LaneBatch.nothing }
        guard task.state == "dead" else {
            throw Refusal(.conflict, reason: "task.not-dead", "This task is \(task.state); only a dead letter can be discarded.")
        }
        try requireSecond("discard", command)
        let reason = command.payload["reason"]?.string ?? ""
        guard !reason.allSatisfy(\.isWhitespace) else {
            throw Refusal(.invalid, reason: "run.reason", "Say why; the reason is kept with the run.")
        }
        if let run = task.run, runs[run]?.finishedAt == nil {
            do throws(Refusal) {
                try advance(run, .discarded(key: task.key, by: person, reason: reason), by: person)
            } catch  where error.reason == "task.not-dead" {
                // The run has gone on without it.
                putAway(task, by: person, reason: reason)
            }
        } else {
            putAway(task, by: person, reason: reason)
        }
        tasks[id]?.state = "withdrawn"
        tasks[id]?.outcome = "discarded"
        tasks[id]?.updatedAt = now
        changedTasks.insert(id)
        return ["task": JSONValue(id), "status": "withdrawn"]
    }

    private mutating func putAway(_ task: TaskRow, by person: PersonID, reason: String) {
        enter(
            task.tenant, action: "task.discarded", object: (type: "task", id: task.id.text), run: task.run, by: person,
            facts: [
                "reason": .string(reason), "title": .string(task.title), "code": .string(task.outcome ?? ""),
                "attempts": JSONValue(Int(task.attemptsUsed)),
            ])
    }

    /// What a workflow wants two people for is not done on the word of one, whichever way it comes in.
    func requireSecond(_ act: String, _ command: CommandRow) throws(Refusal) {
        let run = command.run ?? command.task.flatMap { tasks[$0]?.run }
        guard let row = run.flatMap({ runs[$0] }), let definition = contexts[row.pinnedText]?.environment.definition,
            definition.secondPerson.contains(act), command.payload["second"] != .bool(true)
        else { return }
        throw Refusal(
            .forbidden, reason: "operation.second-person",
            "The workflow \(definition.title) wants a second person for this. Ask for it as an operation, and let a colleague "
                + "confirm it.", facts: ["workflow": definition.name, "act": act])
    }
}
