using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace MappingNets.Experiments.ClusterFigures;

/// <summary>An authority of a day and a certificate that it has signed, in files that end with this object.</summary>
internal sealed class CertificateFiles : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("mappingnets").FullName;

    public CertificateFiles()
    {
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=authority", authorityKey, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var authority = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddDays(1));
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var own = new CertificateRequest("CN=worker", key, HashAlgorithmName.SHA256)
            .Create(authority, DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddHours(23), RandomNumberGenerator.GetBytes(8));
        File.WriteAllText(Authority, authority.ExportCertificatePem());
        File.WriteAllText(Own, $"{own.ExportCertificatePem()}\n{key.ExportPkcs8PrivateKeyPem()}\n");
    }

    /// <summary>The worker's certificate with its key.</summary>
    public string Own => Path.Combine(folder, "worker.pem");

    /// <summary>The authority's certificate.</summary>
    public string Authority => Path.Combine(folder, "authority.pem");

    public void Dispose() => Directory.Delete(folder, recursive: true);
}
