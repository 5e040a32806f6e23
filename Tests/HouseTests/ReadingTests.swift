import Testing

@Suite("The house rules read code as the compiler does")
struct ReadingTests {
    @Test("a word in a comment or a literal is not a call")
    func wordsAreNotCalls() {
        let text = SwiftText(
            """
            let a = "try? in a literal"   // try? in a remark
            /* try? /* nested */ try? */ let b = try? work()
            let c = "\\(try? inner("deep \\(1)"))"
            let d = #"raw \\" try? "# + "x"
            """)
        #expect(text.code.map { $0.mentions("try?") } == [false, true, true, false])
        #expect(text.code[2].mentions("inner("))
        #expect(text.comments[0].trimmed == "// try? in a remark")
        #expect(text.code[3].trimmed.hasSuffix("+"))
    }

    @Test("a literal of several lines keeps the lines of the file")
    func multilineLiterals() {
        let text = SwiftText("let sql = \"\"\"\n    fatalError(\"no\")\n    \\(value)\n    \"\"\"\nfatalError(\"yes\")\n")
        #expect(text.code.indices.filter { text.code[$0].mentions("fatalError(") } == [4])
        #expect(text.code[2].trimmed == "value")
        #expect(text.lines.count == 5)
    }

    @Test("a function's lines are counted to its own brace, whatever stands inside")
    func functionsAreMeasured() {
        let text = SwiftText(
            """
            protocol P {
                func required(a: Int) -> Int
                var fact: Bool { get }
            }
            struct S {
                init(a: () -> Int = { 1 }) {
                    self.init()
                }
                func long<T>(
                    a: T
                ) throws(Failure) -> [String: Int] {
                    let text = "}"   // }
                    return [:]
                }
                var short: Int { 1 }
                static func == (l: S, r: S) -> Bool { true }
            }
            """)
        let found = FunctionScan.functions(in: text).map { "\($0.name) \($0.lines)" }
        #expect(found == ["fact 1", "init 3", "long 6", "short 1", "= 1"])
    }

    @Test("a C function ends at the brace in the first column")
    func cFunctionsAreMeasured() {
        let lines = [
            "int one(void);", "static int two(int a,", "               int b)", "{", "    if (a) {", "    }", "}",
            "char *three(void) {", "}",
        ]
        #expect(FunctionScan.cFunctions(in: lines).map { "\($0.name) \($0.lines)" } == ["two 6", "three 2"])
    }

    @Test(
        "a bare call is told from a method and a declaration",
        arguments: [
            ("print(a)", true), ("    print(a)", true), ("Terminal.print(a)", false), ("static func print(_ a: Int)", false),
            ("reprint(a)", false), ("x.print(a); print(b)", true),
        ])
    func bareCalls(line: String, isCall: Bool) {
        #expect(line.callsFreeFunction("print") == isCall)
    }

    @Test("the manifest is understood")
    func manifestIsRead() {
        let manifest = Manifest(
            """
            let log: Target.Dependency = .product(name: "Logging", package: "swift-log")
            func room(_ folder: String) -> Target {
                .target(name: name, path: path)
            }
            let rooms = [
                room("", "Kernel"),
                room(
                    "Edges", "Store", uses: ["Kernel", log],
                    resources: [.copy("Migrations")]),
                .target(name: "CThing", dependencies: ["CLib"], path: "Sources/C/CThing"),
                program("server", uses: ["Store"]),
            ]
            """)
        #expect(
            manifest.targets.map(\.folder) == [
                "Sources/Kernel", "Sources/Edges/Store", "Sources/C/CThing", "Sources/Programs/server",
            ])
        #expect(manifest.targets[1].uses == ["Kernel", "Logging"])
        #expect(manifest.closure(of: "server") == ["server", "Store", "Kernel", "Logging"])
    }
}
