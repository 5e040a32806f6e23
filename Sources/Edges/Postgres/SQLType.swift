/// A type of PostgreSQL's by its object id; those that we bind or read.
package struct SQLType: Hashable, Sendable {
    package let oid: UInt32

    package init(oid: UInt32) { self.oid = oid }

    package static let bool = SQLType(oid: 16)
    package static let bytea = SQLType(oid: 17)
    package static let char = SQLType(oid: 18)
    package static let name = SQLType(oid: 19)
    package static let int8 = SQLType(oid: 20)
    package static let int2 = SQLType(oid: 21)
    package static let int4 = SQLType(oid: 23)
    package static let text = SQLType(oid: 25)
    package static let oidType = SQLType(oid: 26)
    package static let xid = SQLType(oid: 28)
    package static let json = SQLType(oid: 114)
    package static let unknown = SQLType(oid: 705)
    package static let bpchar = SQLType(oid: 1042)
    package static let varchar = SQLType(oid: 1043)
    package static let date = SQLType(oid: 1082)
    package static let timestamptz = SQLType(oid: 1184)
    package static let numeric = SQLType(oid: 1700)
    package static let uuid = SQLType(oid: 2950)
    package static let jsonb = SQLType(oid: 3802)
    package static let xid8 = SQLType(oid: 5069)

    /// Object ids from here on were made in this database: enumerations, extension types such as citext.
    private static let firstMadeHere: UInt32 = 16_384

    /// The array type over this one.
    var array: SQLType {
        switch self {
        case .bool: SQLType(oid: 1000)
        case .bytea: SQLType(oid: 1001)
        case .int2: SQLType(oid: 1005)
        case .int4: SQLType(oid: 1007)
        case .text: SQLType(oid: 1009)
        case .int8: SQLType(oid: 1016)
        case .date: SQLType(oid: 1182)
        case .timestamptz: SQLType(oid: 1185)
        case .numeric: SQLType(oid: 1231)
        case .uuid: SQLType(oid: 2951)
        case .jsonb: SQLType(oid: 3807)
        default: preconditionFailure("no array type over \(oid)")
        }
    }

    /// Its binary form is the text itself.
    var isText: Bool {
        switch self {
        case .text, .varchar, .bpchar, .name, .char, .unknown: true
        default: oid >= SQLType.firstMadeHere
        }
    }
}
