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
            guard case .fork(let branches, let waitsForAll) = node.action else { continue }
            out.append(contentsOf: forkIssues(node, branches, waitsForAll: waitsForAll))
        }
        out.append(contentsOf: releaseIssues())
        return out
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
                    pointer(to: child), "Nothing leads to the step `\(nodes[child].name)`.", remedy: "Jump to it, or remove it."))
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
                    pointer(to: children[position]),
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
        case .set, .decide, .match, .work, .human, .wait, .release: follow(node.then)
        case .sequence, .attempt, .fork:
            if completes(node.id) { follow(node.then) }
            if mayLeave(node.id) { out.leaves = true }
        }
        return out
    }

    /// Whether a step can come to its regular end.
    private func completes(_ id: Int) -> Bool {
        switch nodes[id].action {
        case .raise: return false
        case .set, .choose, .decide, .match, .work, .human, .wait, .release: return true
        case .attempt(let body, let handler, _, _): return completes(body) || completes(handler)
        case .fork(let branches, _): return branches.allSatisfy { completes($0) }
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
            switch nodes[child].action {
            case .raise: return true
            case .choose(let cases): return nodes[child].then == .end || cases.contains { $0.then == .end }
            case .sequence, .set, .decide, .match, .work, .human, .fork, .attempt, .wait, .release:
                return nodes[child].then == .end
            }
        }
    }

    private func descendants(of id: Int) -> [Int] {
        nodes.filter { $0.id != id && ($0.path.hasPrefix(nodes[id].path + "/") || id == 0) }.map(\.id)
    }

    private func forkIssues(_ node: StepNode, _ branches: [Int], waitsForAll: Bool) -> [AssetIssue] {
        var out: [AssetIssue] = []
        for branch in branches {
            for id in descendants(of: branch) {
                if case .work(let call) = nodes[id].action, call.kind.isWrite, !waitsForAll {
                    out.append(
                        AssetIssue(
                            pointer(to: id), "A write in a branch could be cancelled half-way by another branch.",
                            remedy: "Write `onError: wait` at the fork."))
                }
                var ends = nodes[id].then == .end
                if case .choose(let cases) = nodes[id].action { ends = ends || cases.contains { $0.then == .end } }
                if ends {
                    out.append(
                        AssetIssue(
                            pointer(to: id), "A branch cannot end the whole run.",
                            remedy: "Leave the branch by `exit` and decide after the fork."))
                }
            }
        }
        return out
    }

    /// Money leaves the house by a person's signature, whatever a definition would like.
    private func releaseIssues() -> [AssetIssue] {
        let isSigned = nodes.contains { if case .human(let call) = $0.action { call.duty == RunPayment.duty } else { false } }
        return nodes.compactMap { node in
            guard case .release = node.action, !isSigned else { return nil }
            return AssetIssue(
                pointer(to: node.id), "Nobody signs before the payment is released.",
                remedy: "Add a `human.approve` with `duty: \(RunPayment.duty)` before it.")
        }
    }

    /// RFC 6901 pointer into the document as written.
    private func pointer(to id: Int) -> String {
        guard let parent = nodes[id].parent else { return "" }
        let base = pointer(to: parent)
        let name = AssetIssue.token(nodes[id].name)
        switch nodes[parent].action {
        case .attempt(let body, _, _, _): return id == body ? "\(base)/try" : "\(base)/catch"
        case .fork(let branches, _): return "\(base)/fork/branches/\(branches.firstIndex(of: id) ?? 0)/\(name)"
        case .sequence(let children):
            let position = children.firstIndex(of: id) ?? 0
            // The body of a `try` is the list itself; every other list is called `do`.
            let isBody = nodes[parent].name == "try" && base.hasSuffix("/try")
            return isBody ? "\(base)/\(position)/\(name)" : "\(base)/do/\(position)/\(name)"
        default: return base
        }
    }
}
