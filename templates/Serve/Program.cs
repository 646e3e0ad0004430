// One network, an adapter for each tenant: adapters/base.safetensors holds the network's weights (DirectModel.Export), each other
// adapters/NAME.safetensors the adapter NAME (FineTunedModel.SaveAdapter). POST a picture to /predict?adapter=NAME.
using MappingNets;
using Microsoft.AspNetCore.RateLimiting;

const int Side = 28;
// Pictures are put on the scale of those that the base was trained with: here FashionMNIST's, as FashionMnist.Load does.
double[] means = [FashionMnist.Mean], deviations = [FashionMnist.StandardDeviation];
// A damaged file, or an address that is taken, is one line on the error stream.
AppDomain.CurrentDomain.UnhandledException += (_, thrown) =>
{
    if (thrown.ExceptionObject is Exception fault and (IOException or ArgumentException or InvalidOperationException or NotSupportedException or UnauthorizedAccessException))
    {
        Console.Error.WriteLine(fault.Message);
        Environment.Exit(1);
    }
};
var builder = WebApplication.CreateBuilder(args);
var folder = builder.Configuration["folder"] ?? "adapters";
var start = Path.Combine(folder, "base.safetensors");
if (!File.Exists(start))
{
    Console.Error.WriteLine($"There is no {Path.GetFullPath(start)}; export the network's weights there first, or name another folder with --folder.");
    return 2;
}

using var pretrained = PretrainedWeights.FromFile(start);
using var host = new AdapterHost(Targets.Cnn2(), pretrained);
foreach (var path in Directory.GetFiles(folder, "*.safetensors").Where(path => path != start))
    host.Add(Path.GetFileNameWithoutExtension(path), path);

// What requests may take in memory together: so many bodies, so many pixels each, and connections that wait for their turn. A body that comes
// slowly must not keep a turn for long: after five seconds 100 KB/s are the least.
builder.WebHost.ConfigureKestrel(kestrel =>
{
    (kestrel.Limits.MaxRequestBodySize, kestrel.Limits.MaxConcurrentConnections) = (4 << 20, 256);
    kestrel.Limits.MinRequestBodyDataRate = new(bytesPerSecond: 100_000, gracePeriod: TimeSpan.FromSeconds(5));
});
builder.Services.AddRateLimiter(limits => limits.AddConcurrencyLimiter("pictures", most => (most.PermitLimit, most.QueueLimit) = (16, 128)));
var app = builder.Build();
app.UseRateLimiter();
app.MapGet("/health", () => new { status = "ok", adapters = host.Names.Count });
app.MapGet("/adapters", () => host.Names.Order());
app.MapPost("/predict", async (HttpRequest request, string? adapter) =>
{
    using var body = new MemoryStream();
    await request.Body.CopyToAsync(body);
    try
    {
        using var picture = Picture.Read(
            body.GetBuffer().AsMemory(0, (int)body.Length), Side, Side, channels: 1, means: means, deviations: deviations, limits: new() { Pixels = 4_000_000 });
        using var scores = host.Predict(picture, adapter);
        using var row = scores[0];
        return Results.Ok(row.data<float>().ToArray());
    }
    catch (KeyNotFoundException fault)
    {
        return Results.Problem(fault.Message, statusCode: StatusCodes.Status404NotFound);
    }
    catch (DatasetFormatException fault)
    {
        return Results.Problem(fault.Message, statusCode: StatusCodes.Status400BadRequest);
    }
}).RequireRateLimiting("pictures");
await app.RunAsync();
return 0;
