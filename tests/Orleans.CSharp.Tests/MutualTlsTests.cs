using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using MappingNets.Experiments.ClusterDemo;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Connections.Security;
using Orleans.Hosting;
using Xunit;

namespace MappingNets.Tests;

/// <summary>Who shows no certificate of the cluster's authority takes no part in it.</summary>
public sealed class MutualTlsTests : IDisposable
{
    private readonly X509Certificate2 authority = Authority("the cluster's");
    private readonly X509Certificate2 other = Authority("another");

    [Fact]
    public async Task AWorkerTrainsWithACertificateOfTheAuthorityAndIsRefusedWithAnotherOrNone()
    {
        using var own = Signed(authority);
        var port = RedisServer.FreePort();
        using var silo = await Silo(own, port);

        using var data = Small.Classes();
        using var model = Small.Slvt();
        using var certificate = Signed(authority);
        using (var worker = Client(port, client => client.UseMutualTls(certificate, authority)))
        {
            await worker.StartAsync();
            var report = await new ClusterTrainer(worker.Services.GetRequiredService<IClusterClient>(), "safe", model, new() { Epochs = 1 }).FitAsync(data);
            Assert.Equal(1, report.Steps);
            await worker.StopAsync();
        }

        // Of another authority, which it trusts itself; and without TLS.
        using var forged = Signed(other);
        using var forger = Client(port, client => Briefly(client).UseMutualTls(forged, other));
        using var plain = Client(port, Briefly);
        await Assert.ThrowsAnyAsync<Exception>(() => forger.StartAsync());
        await Assert.ThrowsAnyAsync<Exception>(() => plain.StartAsync());
        await silo.StopAsync();
    }

    [Fact]
    public async Task TheSiloItselfRefusesACertificateOfAnotherAuthorityOrNone()
    {
        using var own = Signed(authority);
        var port = RedisServer.FreePort();
        using var silo = await Silo(own, port);

        // With a certificate of the authority this client is admitted, so that the two below are refused for theirs.
        using var certificate = Signed(authority);
        using (var admitted = Client(port, client => Trusting(client, certificate)))
        {
            await admitted.StartAsync();
            await admitted.StopAsync();
        }

        using var forged = Signed(other);
        using var forger = Client(port, client => Trusting(Briefly(client), forged));
        using var nameless = Client(port, client => Trusting(Briefly(client), null));
        await Assert.ThrowsAnyAsync<Exception>(() => forger.StartAsync());
        await Assert.ThrowsAnyAsync<Exception>(() => nameless.StartAsync());
        await silo.StopAsync();
    }

    [Fact]
    public async Task TheSiloFetchesNothingThatARefusedCertificateNames()
    {
        using var issuers = new TcpListener(IPAddress.Loopback, 0);
        issuers.Start();
        using var own = Signed(authority);
        var port = RedisServer.FreePort();
        using var silo = await Silo(own, port);

        using var forged = Signed(other, new X509AuthorityInformationAccessExtension(null, [$"http://{issuers.LocalEndpoint}/authority"]));
        using var forger = Client(port, client => Trusting(Briefly(client), forged));
        await Assert.ThrowsAnyAsync<Exception>(() => forger.StartAsync());
        await silo.StopAsync();
        Assert.False(issuers.Pending());
    }

    [Fact]
    public void ACertificateThatCannotServeIsRefusedAtTheDoor()
    {
        using var own = Signed(authority);
        using var withoutKey = X509CertificateLoader.LoadCertificate(own.RawData);
        Assert.Contains("no private key", Refused(withoutKey));
        using var forged = Signed(other);
        Assert.Contains("has not signed", Refused(forged));

        string Refused(X509Certificate2 certificate) => Assert.Throws<ArgumentException>("own", () => Built(
            builder => builder.UseOrleans(silo => silo.UseLocalhostClustering().UseMutualTls(certificate, authority)))).Message;
    }

    public void Dispose()
    {
        authority.Dispose();
        other.Dispose();
    }

    private async Task<IHost> Silo(X509Certificate2 own, int port)
    {
        var silo = Built(builder => builder.UseOrleans(silo => silo
            .UseLocalhostClustering(RedisServer.FreePort(), port).UseMutualTls(own, authority).AddMappingNetsTraining()));
        await silo.StartAsync();
        return silo;
    }

    private static IHost Client(int port, Func<IClientBuilder, IClientBuilder> how) =>
        Built(builder => builder.UseOrleansClient(client =>
            how(client.UseLocalhostClustering(port).UseConnectionRetryFilter((_, _) => Task.FromResult(false)))));

    // Takes any silo for the right one, so that only the silo can refuse.
    private static IClientBuilder Trusting(IClientBuilder client, X509Certificate2? own) => client.UseTls(options =>
    {
        options.ClientCertificateMode = RemoteCertificateMode.NoCertificate;
        options.RemoteCertificateValidation = (_, _, _) => true;
        options.OnAuthenticateAsClient = (_, connection) =>
        {
            connection.TargetHost = "MappingNets";
            // Offline, or the client would fetch what its own certificate names.
            if (own is not null)
                ((SslClientAuthenticationOptions)connection.SslClientAuthenticationOptions).ClientCertificateContext =
                    SslStreamCertificateContext.Create(own, null, offline: true);
        };
    });

    // A silo that refuses says nothing.
    private static IClientBuilder Briefly(IClientBuilder client) =>
        client.Configure<Orleans.Configuration.ConnectionOptions>(options => options.OpenConnectionTimeout = TimeSpan.FromSeconds(1));

    private static IHost Built(Action<HostApplicationBuilder> how)
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        how(builder);
        return builder.Build();
    }

    private static X509Certificate2 Authority(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }

    private static X509Certificate2 Signed(X509Certificate2 by, params X509Extension[] extensions)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=worker", key, HashAlgorithmName.SHA256);
        foreach (var extension in extensions)
            request.CertificateExtensions.Add(extension);
        using var signed = request.Create(by, DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddHours(1), RandomNumberGenerator.GetBytes(8));
        return signed.CopyWithPrivateKey(key);
    }
}
