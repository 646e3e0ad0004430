using System.CommandLine;
using System.Globalization;
using MappingNets;
using MappingNets.Experiments.Reporting;
using MappingNets.Experiments.ServeLoad;

CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
_ = NativeHeap.RetainFreedMemory();
using var signals = new StopSignals();
var usual = new Settings();
var seconds = Number("--seconds", "How long a round of a case lasts", usual.Seconds);
var rounds = Number("--rounds", "How many rounds there are, of which each figure is the median", usual.Rounds);
var threads = Number("--threads", "libtorch's threads in the service, beside which the clients need a core too", usual.Threads);
var draw = new Option<bool>("--draw") { Description = "Measures nothing; draws the report of --out anew." };
var update = new Option<string?>("--update") { Description = "Also writes the table into the section \"serve figures\" of this document." };
var folder = new Option<string>("--out") { Description = "Where the results go.", DefaultValueFactory = _ => Path.Combine("artifacts", "serve") };
var command = new RootCommand(
    "Starts examples/Serve with 1 and with 1,000 adapters, sends it pictures from several clients at once, and writes report.json and pictures.")
{
    seconds, rounds, threads, draw, update, folder,
};
command.SetAction(async (parsed, _) =>
{
    var target = parsed.GetRequiredValue(folder);
    Directory.CreateDirectory(target);
    if (parsed.GetValue(update) is { } document)
        MarkedSection.Require(document, LoadReport.Section);
    if (!parsed.GetValue(draw))
        (await Measurement.Run(new() { Seconds = parsed.GetValue(seconds), Rounds = parsed.GetValue(rounds), Threads = parsed.GetValue(threads) }, signals.Token)).Write(target);
    LoadReport.Read(target).Show(target, parsed.GetValue(update));
});
try
{
    return await command.Parse(args).InvokeAsync(new() { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
}
catch (OperationCanceledException) when (signals.Token.IsCancellationRequested)
{
    // By now the services have ended.
    Console.Error.WriteLine("Stopped.");
    return 130;
}
catch (Exception fault) when (ExampleProgram.IsAnswer(fault))
{
    return ExampleProgram.Refuse(fault);
}

static Option<int> Number(string name, string description, int usual)
{
    var option = new Option<int>(name) { Description = description + ".", DefaultValueFactory = _ => usual };
    option.Validators.Add(result =>
    {
        if (result.Tokens is [var token] && int.TryParse(token.Value, out var number) && number < 1)
            result.AddError($"{name} must be at least 1; it is {number}.");
    });
    return option;
}
