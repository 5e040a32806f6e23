import Kernel
import Postgres

@testable import Records

extension RegisteredStatement {
    static let schedules: [RegisteredStatement] = [
        engine("ScheduleQueries.lock", ScheduleQueries.lock(lane: 1, tenants: [one.id])),
        engine("ScheduleQueries.open", ScheduleQueries.open(lane: 1, tenants: [one.id])),
        app("ScheduleQueries.all", ScheduleQueries.all(tenant: one.id)),
        engine("ScheduleQueries.put", ScheduleQueries.put(one.scheduleRow)),
        engine("ScheduleQueries.putTime", ScheduleQueries.putTime(one.scheduleTime)),
        engine(
            "ScheduleQueries.refuse",
            ScheduleQueries.refuse(lane: 1, tenant: one.id, schedule: one.schedule, run: one.run, reason: "r", at: now)),
        engine(
            "ScheduleQueries.forget", ScheduleQueries.forget(lane: 1, tenant: one.id, schedule: one.schedule, through: 1)),
        app("ScheduleQueries.times", ScheduleQueries.times(tenant: one.id, schedule: one.schedule, before: now, limit: 5)),
        app("ScheduleQueries.times", ScheduleQueries.times(tenant: one.id, schedule: one.schedule, before: nil, limit: 5)),
    ]
}
