using System.Globalization;
using MappingNets.Experiments.Fuzz;

CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
if (args is [Worker.Option, var name, var from, var to, var place, var ticks])
    return Worker.Run(
        name, long.Parse(from, CultureInfo.InvariantCulture), long.Parse(to, CultureInfo.InvariantCulture), place,
        new DateTime(long.Parse(ticks, CultureInfo.InvariantCulture), DateTimeKind.Utc));

var options = FuzzOptions.Parse(args);
if (options is null)
    return 2;
if (options.Case is { } number)
{
    using var run = new CaseRun(Subjects.All.Single(one => one.Key == options.Subjects[0]).Value());
    Console.WriteLine(run.Run(number));
    return 0;
}

var results = new SubjectResult[options.Subjects.Count];
var each = options.Cases / options.Subjects.Count;
Parallel.For(0, results.Length, new() { MaxDegreeOfParallelism = options.Workers }, index =>
{
    // Subjects that have no turn yet share what time is left.
    results[index] = new Supervisor(options.Subjects[index]).Run(options.First, options.CasesOf(index, each), options.Deadline);
    Console.Error.WriteLine($"{results[index].Name}: {results[index].Cases} cases, {results[index].Faults} faults");
    foreach (var fault in results[index].FirstFaults)
        Console.Error.WriteLine($"  {fault}");
});
var report = new FuzzReport(string.Join(' ', args), DateTime.UtcNow.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture), FuzzReport.MachineName(), results);
report.Write(options.Folder);
Console.WriteLine(report.Table());
Console.WriteLine($"Results: {Path.GetFullPath(options.Folder)}");
return results.Sum(result => result.Faults) == 0 ? 0 : 1;
