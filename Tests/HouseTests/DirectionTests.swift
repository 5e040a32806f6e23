import Testing

@Suite("Arrows between rooms point one way")
struct DirectionTests {
    @Test("every room of the manifest has its place in the table of arrows")
    func everyRoomIsKnown() {
        let rooms = Manifest.project.targets.filter { $0.folder.hasPrefix("Sources/") }.map(\.name)
        let unknown = rooms.filter { Rooms.allowed[$0] == nil }
        #expect(rooms.count > 20, "the manifest was not understood: \(rooms.count) rooms")
        #expect(unknown.isEmpty, "rooms without arrows: \(list(unknown))")
    }

    @Test("the manifest gives no room more than its arrows")
    func manifestKeepsDirection() {
        let findings = Manifest.project.targets.filter { $0.folder.hasPrefix("Sources/") }.flatMap { target in
            target.uses.subtracting(Rooms.allowed[target.name] ?? []).sorted().map { "Package.swift: \(target.name) uses \($0)" }
        }
        #expect(findings.isEmpty, "arrows against the direction: \(list(findings))")
    }

    @Test("no file imports what its room may not use")
    func importsKeepDirection() {
        let findings = Tree.sources.flatMap { file in
            let allowed = file.room.map { Rooms.allowed[$0.name] ?? [] } ?? []
            let foundation: Set<String> = file.room.map { Rooms.mayUseFoundation.contains($0.name) } == true ? ["Foundation"] : []
            return file.imports.filter { !allowed.union(foundation).union(Rooms.toolchain).contains($0.module) }.map {
                "\(file.path):\($0.line): \(file.room?.name ?? "no room") imports \($0.module)"
            }
        }
        #expect(findings.isEmpty, "imports against the direction: \(list(findings))")
    }

    @Test("the packages behind an edge are imported by that edge alone")
    func edgesAreAlone() {
        let findings = Tree.sources.flatMap { file in
            file.imports.filter { Rooms.only[$0.module].map { !$0.contains(file.room?.name ?? "") } ?? false }.map {
                "\(file.path):\($0.line): imports \($0.module)"
            }
        }
        #expect(findings.isEmpty, "imports outside their room: \(list(findings))")
    }

    @Test("Foundation's networking is used nowhere, not even in tests")
    func noFoundationNetworking() {
        let findings = (Tree.sources + Tree.tests).flatMap { file in
            file.imports.filter { $0.module == "Foundation" + "Networking" }.map { "\(file.path):\($0.line)" }
        }
        #expect(findings.isEmpty, "\(list(findings))")
    }

    @Test("no program can reach, through any chain of targets, what it must not hold", arguments: Rooms.neverLinks.keys.sorted())
    func programsStayApart(program: String) {
        let reached = Manifest.project.closure(of: program).intersection(Rooms.neverLinks[program] ?? [])
        #expect(reached.isEmpty, "\(program) would link \(list(reached.sorted()))")
    }

    @Test("the domain imports no input or output, and the kernel nothing of ours")
    func innerRoomsAreInner() {
        for (room, uses) in Rooms.allowed where Rooms.layer(of: room) != nil {
            for used in uses {
                guard let from = Rooms.layer(of: room), let to = Rooms.layer(of: used) else { continue }
                #expect(to <= from, "\(room) must not use \(used)")
            }
        }
        #expect(Rooms.allowed["Kernel"] == [])
    }
}

extension Rooms {
    /// How far out a room lies; arrows go inwards or stay level. C targets and packages have no layer.
    static func layer(of room: String) -> Int? {
        guard let folder = Manifest.project.targets.first(where: { $0.name == room })?.folder else { return nil }
        let parts = folder.split(separator: "/")
        guard parts.count > 1, parts[0] == "Sources" else { return nil }
        switch parts[1] {
        case "Kernel": return 0
        case "Domain": return 1
        case "Edges", "Workers": return 2
        case "Flow": return 3
        case "Web": return 4
        case "Programs": return 5
        default: return nil
        }
    }
}

extension SourceFile {
    /// The modules that the file imports, with their lines; access words, attributes and the kind of import are left away.
    var imports: [(module: String, line: Int)] {
        text.code.indices.compactMap { index in
            let words = text.code[index].split(separator: " ").map(String.init).drop {
                $0.hasPrefix("@") || SourceFile.accessWords.contains($0)
            }
            guard words.first == "import", let name = words.last else { return nil }
            return (String(name.prefix { $0 != "." }), index + 1)
        }
    }

    private static let accessWords: Set<String> = ["package", "internal", "private", "fileprivate", "public"]
}
