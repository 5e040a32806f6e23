internal import Kernel
internal import Records

/// What a batch lacks before it can be applied. Thrown out of its transaction, which has then changed nothing.
///
/// A lane that read configuration inside its transaction would hold one connection while it waits for a second; as many lanes
/// as connections, and all of them would wait for ever.
struct Unprepared: Error {
    var tenants: Set<TenantID> = []
    /// By their canonical text.
    var pins: [String: PinnedAssets] = [:]
    /// Workflows of fixed versions that are to begin inside others.
    var workflows: [PinnedAssets.Reference] = []

    /// Of clocks that no run has, with their tenants.
    var promises: [PinnedPromise.Key: TenantID] = [:]

    var isEmpty: Bool { tenants.isEmpty && pins.isEmpty && workflows.isEmpty && promises.isEmpty }
}

extension LaneEngine {
    /// Rounds of reading before one batch: tenants, then what they pin, and once more when either changed meanwhile.
    static let preparationsMax = 6

    /// Runs `transact`, and reads outside of it what it turns out to lack. It is told which pins cannot be read, by their text,
    /// with the cause.
    func prepared<Value: Sendable>(_ transact: ([String: String]) async throws -> Value) async throws -> Value {
        var unreadable: [String: String] = [:]
        for _ in 0..<LaneEngine.preparationsMax {
            do {
                return try await transact(unreadable)
            } catch let missing as Unprepared {
                for tenant in missing.tenants { _ = try await assets.current(for: tenant) }
                let found = try await assets.load(missing.workflows)
                for reference in missing.workflows where found[reference.asset] == nil {
                    unreadable[reference.asset.text] = "Its workflow, version \(reference.version), is not published here."
                }
                for (key, tenant) in missing.promises {
                    let found = try await assets.keep([key.contract, key.calendar], for: tenant)
                    if found.count < 2 || assets.promise(contract: key.contract, calendar: key.calendar) == nil {
                        unreadable[key.contract.text] = "The contract of a clock, or its calendar, cannot be read."
                    }
                }
                for (key, pinned) in missing.pins {
                    do {
                        _ = try await assets.context(for: pinned)
                    } catch let fault as Fault where !fault.isRetryable {
                        unreadable[key] = "\(fault)"
                    }
                }
            }
        }
        throw Fault("prepare a batch", "its configuration was forgotten as fast as it was read", isRetryable: true)
    }

    /// Gives the batch the configuration of its tenants and runs, all of it from memory.
    func equip(
        _ batch: inout LaneBatch, tenants: Set<TenantID>, commands: [CommandRow], unreadable: [String: String]
    ) throws {
        var missing = Unprepared()
        for tenant in tenants.union(batch.tenantsOfTasks()) {
            guard let current = assets.known(tenant) else {
                missing.tenants.insert(tenant)
                continue
            }
            batch.assets[tenant] = current
            batch.governing[tenant] = assets.governing(in: current, at: batch.now)
        }
        for run in batch.runs.values where batch.contexts[run.pinnedText] == nil {
            let text = run.pinnedText
            guard let pinned = try? PinnedAssets(json: run.pinned) else {  // the cause is always the same, so it is said here
                batch.troubles[text] = "The versions that it is pinned to cannot be read from its row."
                continue
            }
            // `jsonb` keeps members in an order of its own, so the run's text is not the canonical one.
            let key = pinned.json.text
            if let context = assets.known(pinned) {
                batch.contexts[text] = context
            } else if let cause = unreadable[key] {
                batch.troubles[text] = cause
            } else {
                missing.pins[key] = pinned
            }
        }
        equip(schedules: &batch, commands: commands, missing: &missing)
        for command in commands where command.kind == "clock.read" {
            // Other maintenance may have been announced by another server after the tenant's configuration was read here.
            if assets.forget(command.tenant, readBefore: command.createdAt) { missing.tenants.insert(command.tenant) }
        }
        for tenant in Set(commands.filter { $0.kind == "event.receive" }.map(\.tenant)) {
            batch.eventBook.beginnings[tenant] = batch.assets[tenant].map { assets.beginnings(in: $0) }
        }
        for command in commands where command.kind == "run.start" {
            try equip(start: command, &batch, unreadable: unreadable, missing: &missing)
        }
        for command in commands where command.kind == "rollout.compare" {
            equip(comparison: command, &batch, unreadable: unreadable, missing: &missing)
        }
        for command in commands where command.kind == "run.migrate" {
            equip(migration: command, &batch, unreadable: unreadable, missing: &missing)
        }
        guard missing.isEmpty else { throw missing }
    }

    /// What a run shall be pinned to; a target that cannot be read is told to whoever asked.
    private func equip(
        migration command: CommandRow, _ batch: inout LaneBatch, unreadable: [String: String], missing: inout Unprepared
    ) {
        guard let json = command.payload["pins"], let pinned = try? PinnedAssets(json: json) else {  // told when it is applied
            return
        }
        let key = pinned.json.text
        if let context = assets.known(pinned) {
            batch.targets[command.id] = context
        } else if unreadable[key] == nil {
            missing.pins[key] = pinned
        }
    }

    /// A start that cannot be pinned now (nothing of that name is published) waits; the rest of the batch goes on.
    private func equip(
        start command: CommandRow, _ batch: inout LaneBatch, unreadable: [String: String], missing: inout Unprepared
    ) throws {
        guard let current = batch.assets[command.tenant] else { return }
        do {
            let pinned: PinnedAssets
            if let fixed = PinnedAssets.Reference(json: command.payload["pin"]) {
                if let cause = unreadable[fixed.asset.text] { return batch.startTroubles[command.id] = cause }
                guard let pins = try assets.pins(in: current, workflow: fixed, at: batch.now) else {
                    return missing.workflows.append(fixed)
                }
                pinned = pins
            } else {
                pinned = try choose(command, current, &batch, unreadable: unreadable)
            }
            let key = pinned.json.text
            if let context = assets.known(pinned) {
                batch.starts[command.id] = context
            } else if let cause = unreadable[key] {
                batch.startTroubles[command.id] = cause
            } else {
                missing.pins[key] = pinned
            }
        } catch let refusal as Refusal {
            batch.startTroubles[command.id] = refusal.message
        } catch let fault as Fault where !fault.isRetryable {
            batch.startTroubles[command.id] = "\(fault)"
        }
    }
}
