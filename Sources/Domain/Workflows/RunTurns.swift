import Expressions
import Kernel
import Policies

/// Branches side by side, and turns of loops.
extension RunPass {
    /// Whether what branches or turns give is read by anybody.
    private func keepsOutputs(_ path: String) -> Bool {
        definition.flow == .document || node(at: path)?.givesOutput ?? false
    }

    mutating func finishBranch(
        _ name: String, of fork: String, _ rule: ForkRule, output: JSONValue, failure: StepError?
    ) {
        guard var activation = activation(at: fork), case .inside(var done, let known) = activation.wait else { return }
        if rule.competes, failure == nil {
            withdraw(inside: fork, reason: "Another branch was first.")
            moves.append(.leave(path: fork, output: output, nil))
            return
        }
        done.append(name)
        let first = known ?? failure
        activation.wait = .inside(done: done, failure: first)
        if keepsOutputs(fork) { activation.outputs[name] = output }
        change(at: fork) { $0 = activation }
        guard done.count == rule.branches.count else { return }
        if let first {
            moves.append(.fail(path: fork, first))
        } else {
            let outputs = rule.branches.map { activation.outputs[definition.nodes[$0].name] ?? .null }
            moves.append(.leave(path: fork, output: keepsOutputs(fork) ? .array(outputs) : .null, nil))
        }
    }

    // MARK: Loops

    mutating func open(_ rule: LoopRule, _ path: String, _ data: JSONValue) throws(StepError) {
        guard case .array(let items) = try evaluated(rule.items, bindings(at: path), at: path) else {
            throw engineError("EXPRESSION", "What the loop goes through is no list.", step: path)
        }
        guard items.count <= RunBounds.loopItemsMax else {
            throw engineError("LOOP_LIMIT", "The loop has more than \(RunBounds.loopItemsMax) items.", step: path)
        }
        wait(.loop(LoopWait(items: items, next: 0, done: 0, failure: nil)), at: path)
        nextTurns(path, rule, given: data)
    }

    /// Starts turns as far as they may be open; leaves the loop when there is none left.
    private mutating func nextTurns(_ path: String, _ rule: LoopRule, given: JSONValue) {
        guard let activation = activation(at: path), case .loop(var loop) = activation.wait else { return }
        while loop.next < loop.items.count, loop.next - loop.done < rule.turnsOpenMax, loop.failure == nil {
            let locals: JSONObject = [rule.each: loop.items[loop.next], rule.at: JSONValue(loop.next)]
            if let condition = rule.whileHolds {
                do throws(ExpressionFailure) {
                    guard try holds(condition, at: path, data: given, locals: locals) else {
                        moves.append(.leave(path: path, output: given, nil))
                        return
                    }
                } catch {
                    moves.append(.fail(path: path, engineError("EXPRESSION", error.description, step: path)))
                    return
                }
            }
            // The first time through a loop its turns are numbered plainly; later visits say which they are.
            let number = activation.visit == 1 ? "\(loop.next)" : "\(activation.visit).\(loop.next)"
            let turn = RunPass.child("\(definition.nodes[rule.body].name):\(number)", of: path)
            moves.append(.enter(rule.body, path: turn, given: given, locals: locals))
            loop.next += 1
        }
        change(at: path) { $0.wait = .loop(loop) }
        guard loop.next == loop.done else { return }
        if let failure = loop.failure {
            moves.append(.fail(path: path, failure))
        } else if rule.turnsOpenMax == 1 {
            moves.append(.leave(path: path, output: given, nil))
        } else {
            let outputs = loop.items.indices.map { activation.outputs["\($0)"] ?? .null }
            moves.append(.leave(path: path, output: keepsOutputs(path) ? .array(outputs) : .null, nil))
        }
    }

    mutating func finishTurn(
        _ turn: String, of path: String, _ rule: LoopRule, output: JSONValue, failure: StepError?
    ) {
        guard var activation = activation(at: path), case .loop(var loop) = activation.wait else { return }
        loop.done += 1
        loop.failure = loop.failure ?? failure
        activation.wait = .loop(loop)
        if rule.turnsOpenMax > 1, keepsOutputs(path), let place = turn.lastIndex(where: { $0 == ":" || $0 == "." }) {
            activation.outputs[String(turn[turn.index(after: place)...])] = output
        }
        change(at: path) { $0 = activation }
        // A turn has a path of its own, so how often its steps were entered need not be remembered.
        for key in Array(state.visits.keys) where key == turn || key.hasPrefix(turn + "/") { state.visits[key] = nil }
        nextTurns(path, rule, given: rule.turnsOpenMax == 1 ? output : activation.data)
    }
}
