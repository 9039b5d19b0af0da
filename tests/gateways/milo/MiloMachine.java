import java.security.KeyPair;
import java.security.Security;
import java.security.cert.X509Certificate;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.eclipse.milo.opcua.sdk.core.AccessLevel;
import org.eclipse.milo.opcua.sdk.core.Reference;
import org.eclipse.milo.opcua.sdk.server.OpcUaServer;
import org.eclipse.milo.opcua.sdk.server.api.DataItem;
import org.eclipse.milo.opcua.sdk.server.api.ManagedNamespaceWithLifecycle;
import org.eclipse.milo.opcua.sdk.server.api.MonitoredItem;
import org.eclipse.milo.opcua.sdk.server.api.config.OpcUaServerConfig;
import org.eclipse.milo.opcua.sdk.server.identity.AnonymousIdentityValidator;
import org.eclipse.milo.opcua.sdk.server.nodes.UaVariableNode;
import org.eclipse.milo.opcua.sdk.server.util.SubscriptionModel;
import org.eclipse.milo.opcua.stack.core.Identifiers;
import org.eclipse.milo.opcua.stack.core.security.DefaultCertificateManager;
import org.eclipse.milo.opcua.stack.core.security.SecurityPolicy;
import org.eclipse.milo.opcua.stack.core.types.builtin.DataValue;
import org.eclipse.milo.opcua.stack.core.types.builtin.LocalizedText;
import org.eclipse.milo.opcua.stack.core.types.builtin.Variant;
import org.eclipse.milo.opcua.stack.core.types.enumerated.MessageSecurityMode;
import org.eclipse.milo.opcua.stack.core.util.SelfSignedCertificateBuilder;
import org.eclipse.milo.opcua.stack.core.util.SelfSignedCertificateGenerator;
import org.eclipse.milo.opcua.stack.server.EndpointConfiguration;
import org.eclipse.milo.opcua.stack.server.security.ServerCertificateValidator;

/** An Eclipse Milo server with one machine, for tests: counts by itself. Argument: the port. */
public final class MiloMachine extends ManagedNamespaceWithLifecycle {
  private static final String URI = "urn:test:milo";
  private final SubscriptionModel model;
  private UaVariableNode count;

  private MiloMachine(OpcUaServer server) {
    super(server, URI);
    model = new SubscriptionModel(server, this);
    getLifecycleManager().addLifecycle(model);
    getLifecycleManager().addStartupTask(() -> count = variable("Count", 0.0));
  }

  private UaVariableNode variable(String name, Object value) {
    UaVariableNode node = new UaVariableNode.UaVariableNodeBuilder(getNodeContext())
        .setNodeId(newNodeId(name))
        .setAccessLevel(AccessLevel.READ_ONLY)
        .setUserAccessLevel(AccessLevel.READ_ONLY)
        .setBrowseName(newQualifiedName(name))
        .setDisplayName(LocalizedText.english(name))
        .setDataType(Identifiers.Double)
        .setTypeDefinition(Identifiers.BaseDataVariableType)
        .build();
    node.setValue(new DataValue(new Variant(value)));
    getNodeManager().addNode(node);
    node.addReference(new Reference(
        node.getNodeId(), Identifiers.Organizes, Identifiers.ObjectsFolder.expanded(), false));
    return node;
  }

  @Override public void onDataItemsCreated(List<DataItem> items) { model.onDataItemsCreated(items); }
  @Override public void onDataItemsModified(List<DataItem> items) { model.onDataItemsModified(items); }
  @Override public void onDataItemsDeleted(List<DataItem> items) { model.onDataItemsDeleted(items); }
  @Override public void onMonitoringModeChanged(List<MonitoredItem> items) { model.onMonitoringModeChanged(items); }

  public static void main(String[] arguments) throws Exception {
    Security.addProvider(new BouncyCastleProvider()); // Java alone has no RSA-PSS as Milo names it
    int port = Integer.parseInt(arguments[0]);
    KeyPair keys = SelfSignedCertificateGenerator.generateRsaKeyPair(2048);
    X509Certificate certificate = new SelfSignedCertificateBuilder(keys)
        .setCommonName("milo").setApplicationUri("urn:test:milo:server").addIpAddress("127.0.0.1").build();
    Set<EndpointConfiguration> endpoints = new LinkedHashSet<>();
    EndpointConfiguration.Builder any = EndpointConfiguration.newBuilder()
        .setBindAddress("127.0.0.1").setBindPort(port).setHostname("127.0.0.1").setPath("/milo")
        .setCertificate(certificate).addTokenPolicies(OpcUaServerConfig.USER_TOKEN_POLICY_ANONYMOUS);
    endpoints.add(any.copy().setSecurityPolicy(SecurityPolicy.None)
        .setSecurityMode(MessageSecurityMode.None).build());
    for (SecurityPolicy policy : List.of(SecurityPolicy.Basic256Sha256,
        SecurityPolicy.Aes128_Sha256_RsaOaep, SecurityPolicy.Aes256_Sha256_RsaPss)) {
      endpoints.add(any.copy().setSecurityPolicy(policy)
          .setSecurityMode(MessageSecurityMode.SignAndEncrypt).build());
    }
    ServerCertificateValidator everybody = new ServerCertificateValidator() {
      @Override public void validateCertificateChain(List<X509Certificate> chain) { }
      @Override public void validateCertificateChain(List<X509Certificate> chain, String uri) { }
    };
    OpcUaServer server = new OpcUaServer(OpcUaServerConfig.builder()
        .setApplicationUri("urn:test:milo:server")
        .setApplicationName(LocalizedText.english("milo"))
        .setProductUri("urn:test:milo:product")
        .setEndpoints(endpoints)
        .setCertificateManager(new DefaultCertificateManager(keys, certificate))
        .setCertificateValidator(everybody)
        .setIdentityValidator(AnonymousIdentityValidator.INSTANCE)
        .build());
    MiloMachine machine = new MiloMachine(server);
    machine.startup();
    server.startup().get();
    System.out.println("ready");
    for (double n = 1; ; n++) {
      Thread.sleep(50);
      machine.count.setValue(new DataValue(new Variant(n)));
    }
  }
}
