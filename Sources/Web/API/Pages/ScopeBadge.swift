internal import Console

/// The shell's scope button, made apart because `Scope` is also the name of a place in the hierarchy.
enum ScopeBadge {
    static func tenant(_ name: String, letters: String, choices: [ScopeChoice]) -> ShellScope {
        ShellScope(letters: letters, name: name, detail: "Production", choices: choices)
    }

    static func operatorScope(_ name: String, letters: String, choices: [ScopeChoice]) -> ShellScope {
        ShellScope(letters: letters, name: name, detail: "Operator, all tenants", choices: choices)
    }
}

typealias ShellScope = Scope
