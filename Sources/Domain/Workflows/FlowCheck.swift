import Kernel

/// Publish-time checks over the flow of a definition: steps that nothing reaches, loops that never end, writes that could be
/// cancelled half-way, runs that end inside a branch.
struct FlowCheck {
    let nodes: [StepNode]

    func issues() -> [AssetIssue] {
        var out: [AssetIssue] = []
        for node in nodes {
            guard case .sequence(let children) = node.action, !children.isEmpty else { continue }
            out.append(contentsOf: sequenceIssues(children))
        }
        for node in nodes {
            switch node.action {
            case .fork(let rule):
                for branch in rule.branches {
                    let isCut = !rule.waitsForAll || rule.competes
                    let remedy = rule.competes ? "Take the write out of the race." : "Write `onError: wait` at the fork."
                    out.append(contentsOf: sideIssues(branch, isCut: isCut, remedy: remedy))
                }
            case .loop(let rule):
                out.append(contentsOf: loopIssues(rule))
            default: break
            }
            if node.timeout != nil { out.append(contentsOf: timeoutIssues(node)) }
        }
        out.append(contentsOf: releaseIssues())
        return out
    }

    /// What runs beside others: a write may not be cut off, and no part may end the whole.
    private func sideIssues(_ part: Int, isCut: Bool, remedy: String) -> [AssetIssue] {
        var out: [AssetIssue] = []
        for id in [part] + descendants(of: part) {
            if case .work(let call) = nodes[id].action, call.kind.isWrite, isCut {
                out.append(
                    AssetIssue(
                        nodes[id].pointer, "A write in a branch could be cancelled half-way by another branch.", remedy: remedy))
            }
            if case .run = nodes[id].action {
                out.append(
                    AssetIssue(
                        nodes[id].pointer,
                        "A workflow cannot run beside other steps: who did what on one side would not be known on the other.",
                        remedy: "Run it before or after the others."))
            }
            if ends(id) {
                out.append(
                    AssetIssue(
                        nodes[id].pointer, "A branch cannot end the whole run.",
                        remedy: "Leave the branch by `exit` and decide after the fork."))
            }
        }
        return out
    }

    private func ends(_ id: Int) -> Bool {
        if case .choose(let cases) = nodes[id].action, cases.contains(where: { $0.then == .end }) { return true }
        return nodes[id].then == .end
    }

    private func loopIssues(_ rule: LoopRule) -> [AssetIssue] {
        var out: [AssetIssue] = []
        for id in descendants(of: rule.body) {
            // The place of an item in its list may change from visit to visit, so it cannot be what makes a write its own.
            if case .work(let call) = nodes[id].action, call.kind.isWrite, call.idempotencyKey == nil {
                out.append(
                    AssetIssue(
                        nodes[id].pointer, "Two turns of this loop could write the same thing as one.",
                        remedy: "Give the write an `idempotencyKey` that names the item."))
            }
        }
        guard rule.turnsOpenMax > 1 else { return out }
        return out + sideIssues(rule.body, isCut: !rule.waitsForAll, remedy: "Write `onError: wait` at the loop.")
    }

    private func timeoutIssues(_ node: StepNode) -> [AssetIssue] {
        ([node.id] + descendants(of: node.id)).compactMap { id in
            guard case .work(let call) = nodes[id].action, call.kind.isWrite else { return nil }
            return AssetIssue(
                nodes[id].pointer, "A write could be cut off half-way by the timeout of `\(node.name)`.",
                remedy: "Take the write out of that step; an attempt has its own bound in `timeoutSeconds`.")
        }
    }

    /// Where the run can go after a step of a list: positions in the list, or out of it.
    private struct Exits {
        var positions: Set<Int> = []
        /// The list completes, the run ends, or an error leaves the list.
        var leaves = false
    }

    private func sequenceIssues(_ children: [Int]) -> [AssetIssue] {
        let exits = children.indices.map { self.exits(of: children, at: $0) }
        var reached: Set<Int> = []
        var pending = [0]
        while let position = pending.popLast() {
            guard position < children.count, reached.insert(position).inserted else { continue }
            pending.append(contentsOf: exits[position].positions)
        }
        var out: [AssetIssue] = []
        for (position, child) in children.enumerated() where !reached.contains(position) {
            out.append(
                AssetIssue(
                    nodes[child].pointer, "Nothing leads to the step `\(nodes[child].name)`.", remedy: "Jump to it, or remove it."
                ))
        }
        // Backwards from the steps that leave the list: who cannot get there is in a loop without an end.
        var ending = Set(exits.indices.filter { exits[$0].leaves || exits[$0].positions.contains(children.count) })
        var grew = true
        while grew {
            grew = false
            for position in exits.indices where !ending.contains(position) && !exits[position].positions.isDisjoint(with: ending)
            {
                ending.insert(position)
                grew = true
            }
        }
        for position in reached.sorted() where !ending.contains(position) {
            out.append(
                AssetIssue(
                    nodes[children[position]].pointer,
                    "From the step `\(nodes[children[position]].name)` the run can never come to an end.",
                    remedy: "Add a way out of the loop."))
        }
        return out
    }

    private func exits(of children: [Int], at position: Int) -> Exits {
        let node = nodes[children[position]]
        var out = Exits()
        func follow(_ directive: Directive) {
            switch directive {
            case .proceed: out.positions.insert(position + 1)
            case .exit, .end: out.leaves = true
            case .jump(let target): if let place = children.firstIndex(of: target) { out.positions.insert(place) }
            }
        }
        if node.condition != nil { follow(.proceed) }
        switch node.action {
        case .choose(let cases):
            for item in cases { follow(item.then == .proceed ? node.then : item.then) }
            if !cases.contains(where: { $0.when == nil }) { follow(node.then) }
        case .raise: out.leaves = true
        case .set, .give, .decide, .match, .work, .human, .wait, .emit, .listen, .release, .run: follow(node.then)
        case .sequence, .attempt, .fork, .loop:
            if completes(node.id) { follow(node.then) }
            if mayLeave(node.id) { out.leaves = true }
        }
        return out
    }

    /// Whether a step can come to its regular end.
    private func completes(_ id: Int) -> Bool {
        switch nodes[id].action {
        case .raise: return false
        case .set, .give, .choose, .decide, .match, .work, .human, .wait, .emit, .listen, .release, .run:
            return true
        // A loop may have nothing to go through, and then it is complete at once.
        case .loop: return true
        case .attempt(let rule): return completes(rule.body) || rule.handler.map { completes($0) } ?? (rule.retry == nil)
        case .fork(let rule):
            return rule.competes
                ? rule.branches.contains { completes($0) } : rule.branches.allSatisfy { completes($0) }
        case .sequence(let children):
            guard !children.isEmpty else { return true }
            var reached: Set<Int> = []
            var pending = [0]
            while let position = pending.popLast() {
                guard position < children.count else { return true }
                guard reached.insert(position).inserted else { continue }
                let child = nodes[children[position]]
                if child.then == .exit, completes(child.id) { return true }
                if case .choose(let cases) = child.action, cases.contains(where: { $0.then == .exit }) { return true }
                pending.append(contentsOf: exits(of: children, at: position).positions)
            }
            return false
        }
    }

    /// Whether an error or the end of the run can come out of a step.
    private func mayLeave(_ id: Int) -> Bool {
        descendants(of: id).contains { child in
            if case .raise = nodes[child].action { return true }
            return ends(child)
        }
    }

    private func descendants(of id: Int) -> [Int] {
        nodes.filter { $0.id != id && ($0.path.hasPrefix(nodes[id].path + "/") || id == 0) }.map(\.id)
    }

    /// Money leaves the house by a person's signature, whatever a definition would like.
    private func releaseIssues() -> [AssetIssue] {
        let isSigned = nodes.contains { if case .human(let call) = $0.action { call.duty == RunPayment.duty } else { false } }
        return nodes.compactMap { node in
            guard case .release = node.action, !isSigned else { return nil }
            return AssetIssue(
                node.pointer, "Nobody signs before the payment is released.",
                remedy: "Add a `human.approve` with `duty: \(RunPayment.duty)` before it.")
        }
    }
}
