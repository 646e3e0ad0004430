using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using MappingNets.Experiments.Stress;
using TorchSharp;

CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
if (CaseProcess.RunAsChild(args))
    return 0;

var minutes = 1.0;
var folder = Path.Combine("artifacts", "stress");
var form = "build output";
for (var index = 0; index < args.Length; index += 2)
{
    var value = index + 1 < args.Length ? args[index + 1] : null;
    switch (args[index])
    {
        case "--minutes" when double.TryParse(value, CultureInfo.InvariantCulture, out minutes) && minutes > 0 && minutes <= 10_000:
            break;
        case "--out" when value is not null && !File.Exists(value):
            folder = value;
            break;
        case "--form" when value is not null:
            form = value;
            break;
        default:
            Console.Error.WriteLine($"'{args[index]} {value}' is none of: --minutes N (more than 0, at most 10000), --out FOLDER, --form NAME.");
            return 2;
    }
}

Directory.CreateDirectory(folder);
var cured = typeof(torch.Tensor).GetMethod(nameof(torch.Tensor.mul), [typeof(Scalar)])!.MethodImplementationFlags.HasFlag(MethodImplAttributes.NoOptimization);
var results = new List<CaseResult>();
foreach (var @case in StressCase.All)
{
    results.Add(CaseProcess.Run(@case.Name, TimeSpan.FromMinutes(minutes) / StressCase.All.Count));
    Console.Error.WriteLine($"{@case.Name}: {results[^1].FirstFault ?? "passed"}");
}

var report = new StressReport(
    form,
    cured,
    minutes,
    DateTime.UtcNow.ToString("yyyy-MM-dd"),
    $"{Environment.ProcessorCount} cores, {RuntimeInformation.OSDescription}",
    results);
report.Write(folder);
Console.WriteLine(report.Table());
Console.WriteLine($"Results: {Path.GetFullPath(folder)}");
return report.Passed ? 0 : 1;
