using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Orleans.Connections.Security;
using Orleans.Hosting;

namespace MappingNets;

public static partial class ClusterHosting
{
    /// <summary>
    /// Encrypts all connections of a silo, and admits only silos and clients that show a certificate which one authority has signed; it shows
    /// them its own. Names in certificates are not looked at: who has one belongs to the cluster. Every silo and client needs this call.
    /// </summary>
    /// <param name="silo">The silo.</param>
    /// <param name="own">Its certificate, with the private key; for servers and clients where it names its purposes.</param>
    /// <param name="authority">The authority's certificate; a private one of the cluster, not one that signs for the world.</param>
    /// <exception cref="ArgumentException">The certificate has no private key, or the authority has not signed it.</exception>
    public static ISiloBuilder UseMutualTls(this ISiloBuilder silo, X509Certificate2 own, X509Certificate2 authority)
    {
        ArgumentNullException.ThrowIfNull(silo);
        Check(own, authority);
        return silo.UseTls(own, options => Admit(options, authority));
    }

    /// <summary>The same for a client, which takes part in runs without holding any.</summary>
    /// <param name="client">The client.</param>
    /// <param name="own">Its certificate, with the private key.</param>
    /// <param name="authority">The authority's certificate.</param>
    /// <exception cref="ArgumentException">The certificate has no private key, or the authority has not signed it.</exception>
    public static IClientBuilder UseMutualTls(this IClientBuilder client, X509Certificate2 own, X509Certificate2 authority)
    {
        ArgumentNullException.ThrowIfNull(client);
        Check(own, authority);
        return client.UseTls(own, options => Admit(options, authority));
    }

    private static void Check(X509Certificate2 own, X509Certificate2 authority)
    {
        ArgumentNullException.ThrowIfNull(own);
        ArgumentNullException.ThrowIfNull(authority);
        if (!own.HasPrivateKey)
            throw new ArgumentException($"The certificate '{own.Subject}' has no private key; load it with its key.", nameof(own));
        if (!IsSigned(own, authority))
            throw new ArgumentException($"The authority '{authority.Subject}' has not signed the certificate '{own.Subject}', or it has run out.", nameof(own));
    }

    private static void Admit(TlsOptions options, X509Certificate2 authority)
    {
        options.SslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13;
        options.RemoteCertificateMode = RemoteCertificateMode.RequireCertificate;
        options.ClientCertificateMode = RemoteCertificateMode.RequireCertificate;
        options.RemoteCertificateValidation = (shown, _, _) => shown is not null && IsSigned(shown, authority);
        // The stream builds a chain of its own before it asks the above, and must fetch as little for it.
        options.OnAuthenticateAsServer = (_, connection) =>
            ((SslServerAuthenticationOptions)connection.SslServerAuthenticationOptions).CertificateChainPolicy = Policy(authority);
        options.OnAuthenticateAsClient = (_, connection) =>
        {
            // TLS wants a name to ask for; which one makes no difference here.
            connection.TargetHost = "MappingNets";
            ((SslClientAuthenticationOptions)connection.SslClientAuthenticationOptions).CertificateChainPolicy = Policy(authority);
        };
    }

    private static bool IsSigned(X509Certificate2 certificate, X509Certificate2 authority)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy = Policy(authority);
        return chain.Build(certificate);
    }

    private static X509ChainPolicy Policy(X509Certificate2 authority)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            // A certificate may name where that of its authority is to be fetched: one that nobody has admitted would send the silo to any address.
            DisableCertificateDownloads = true,
        };
        policy.CustomTrustStore.Add(authority);
        return policy;
    }
}
