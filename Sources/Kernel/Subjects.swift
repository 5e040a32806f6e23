/// What an id can identify. The kinds are empty; rooms write the short names below.
package enum Subject {
    package enum Scope {}
    package enum Person {}
    package enum Asset {}
    package enum Document {}
    package enum Invoice {}
    package enum Run {}
    package enum Task {}
    package enum Command {}
    package enum Clock {}
    package enum Incident {}
    package enum AuditEntry {}
    package enum Session {}
}

/// A row of the hierarchy: the operator, a partner or a tenant; every tenant table is led by one.
package typealias TenantID = ID<Subject.Scope>
package typealias PersonID = ID<Subject.Person>
/// One published, immutable version of a configuration asset.
package typealias AssetID = ID<Subject.Asset>
package typealias DocumentID = ID<Subject.Document>
package typealias InvoiceID = ID<Subject.Invoice>
/// A workflow in progress.
package typealias RunID = ID<Subject.Run>
/// Work leased to a worker, or asked of a person.
package typealias TaskID = ID<Subject.Task>
package typealias CommandID = ID<Subject.Command>
package typealias ClockID = ID<Subject.Clock>
package typealias IncidentID = ID<Subject.Incident>
package typealias AuditEntryID = ID<Subject.AuditEntry>
package typealias SessionID = ID<Subject.Session>
