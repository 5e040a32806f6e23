extension DefinitionParser {
    /// The children of a step as outlines; bodies of `try` and handlers are shown as they stand.
    func outline(of id: Int) -> [StepOutline] {
        switch nodes[id].action {
        case .sequence(let children): children.map { outlineStep($0) }
        case .fork(let rule): rule.branches.map { outlineStep($0) }
        case .loop(let rule): [outlineStep(rule.body)]
        case .attempt(let rule): [rule.body, rule.handler].compactMap(\.self).map { outlineStep($0) }
        case .set, .give, .choose, .decide, .match, .work, .human, .raise, .wait, .emit, .listen, .release, .run: []
        }
    }

    private func outlineStep(_ id: Int) -> StepOutline {
        let node = nodes[id]
        let children = outline(of: id)
        var jumps: [String] = []
        if case .jump(let target) = node.then { jumps.append(nodes[target].path) }
        if case .choose(let cases) = node.action {
            for case .jump(let target) in cases.map(\.then) where !jumps.contains(nodes[target].path) {
                jumps.append(nodes[target].path)
            }
        }
        return StepOutline(
            path: node.path, name: node.name, title: node.title, kind: kind(of: node), children: children,
            isGate: isApproval(node) || children.contains { $0.isGate }, jumps: jumps)
    }

    private func isApproval(_ node: StepNode) -> Bool {
        if case .human(let call) = node.action { call.kind == .approval } else { false }
    }

    private func kind(of node: StepNode) -> String {
        switch node.action {
        case .sequence: node.isTitled ? "stage" : "do"
        case .set, .give: "set"
        case .choose: "switch"
        case .decide: "policy.decide"
        case .match: "match"
        case .release: "payment.release"
        case .work(let call): call.kind.rawValue
        case .human(let call):
            switch call.kind {
            case .approval: "human.approve"
            case .exception: "exception.open"
            case .task: "human.task"
            }
        case .fork: "fork"
        case .loop: "for"
        case .emit: "emit"
        case .listen: "listen"
        case .attempt: "try"
        case .raise: "raise"
        case .wait: "wait"
        case .run: "run"
        }
    }
}
