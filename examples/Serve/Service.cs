using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.RateLimiting;

namespace MappingNets.Examples.Serve;

/// <summary>The web application: predictions, what there is to answer, health, metrics, and a page that shows them.</summary>
internal static class Service
{
    private const long LargestPicture = 4 << 20;

    public static WebApplication Build(PretrainedNetwork network, string folder, string[] args)
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        // What requests may take in memory together: so many bodies, so many pixels each, and connections that wait for their turn; slow bodies keep no turn.
        builder.WebHost.ConfigureKestrel(kestrel => (kestrel.Limits.MaxRequestBodySize, kestrel.Limits.MaxConcurrentConnections, kestrel.Limits.MinRequestBodyDataRate)
            = (LargestPicture, 256, new(bytesPerSecond: 100_000, gracePeriod: TimeSpan.FromSeconds(5))));
        builder.Services.AddRateLimiter(limits => limits.AddConcurrencyLimiter("pictures", most => (most.PermitLimit, most.QueueLimit) = (64, 128)));
        builder.Services.AddSingleton(new AdapterHost(network.Target, network.Weights) { KeptAdapters = builder.Configuration.GetValue("kept", 16) });
        builder.Services.AddSingleton<Batcher>();
        builder.Services.AddSingleton<Counts>();
        builder.Services.AddSingleton(services => new DropFolder(folder, services.GetRequiredService<AdapterHost>()));
        var app = builder.Build();
        app.UseDefaultFiles();
        app.UseStaticFiles();
        app.UseRateLimiter();
        app.MapPost("/predict", Predict).RequireRateLimiting("pictures");
        app.MapGet("/adapters", (DropFolder drops) => drops.Entries);
        app.MapGet("/health", (AdapterHost host) => Results.Ok(new { status = "ok", network = host.Target.Name, adapters = host.Names.Count }));
        app.MapGet("/metrics", (Counts counts) => Results.Text(counts.Describe(), "text/plain; version=0.0.4", Encoding.UTF8));
        // Before the first request, so that it finds the adapters.
        app.Services.GetRequiredService<DropFolder>().Start();
        return app;
    }

    private static async Task<IResult> Predict(HttpRequest request, string? adapter, Batcher batcher, Counts counts)
    {
        var started = TimeProvider.System.GetTimestamp();
        using var body = new MemoryStream();
        await request.Body.CopyToAsync(body, request.HttpContext.RequestAborted);
        try
        {
            using var picture = Picture.Read(
                body.GetBuffer().AsMemory(0, (int)body.Length), Tenants.Side, Tenants.Side, channels: 1, means: [FashionMnist.Mean],
                deviations: [FashionMnist.StandardDeviation], limits: new() { Pixels = 4_000_000 });
            var scores = await batcher.Predict(picture, adapter);
            counts.Answered(adapter, TimeProvider.System.GetElapsedTime(started));
            var best = Array.IndexOf(scores, scores.Max());
            return Results.Ok(new { adapter, @class = FashionMnist.ClassNames[best], scores });
        }
        catch (Exception fault) when (fault is KeyNotFoundException or DatasetFormatException)
        {
            counts.Refused();
            return Results.Problem(fault.Message, statusCode: fault is KeyNotFoundException ? StatusCodes.Status404NotFound : StatusCodes.Status400BadRequest);
        }
    }
}
